import * as v from "valibot";
import { LIMITS } from "./limits.ts";
import { MSGPACK_PROTOCOL, PROTOCOL } from "./names.ts";
import { feedNameSchema, keySchema, patternSchema, positionSchema, seqSchema } from "./schemas.ts";
import { hzSchema, modeSchema } from "./subscription.ts";

/*
 * Query parameters and headers of the wire: what each means and takes. `http/query.ts` and its neighbours read them.
 */

interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required?: true;
  readonly description?: string;
  readonly schema: v.GenericSchema;
  readonly example?: string | number | string[];
  /** How a list is written, in OpenAPI's terms. */
  readonly style?: "form";
  readonly explode?: false;
}

const waitSchema = v.pipe(v.number(), v.minValue(0), v.maxValue(LIMITS.waitMax));
const page = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

/** What a request may carry beside its body, by the name that the operations use for it. */
export const PARAMETERS = {
  feed: { in: "path", name: "feed", required: true, schema: feedNameSchema },
  keys: {
    in: "query",
    name: "keys",
    description: "The selection, separated by commas. Without it: all keys. May be repeated.",
    style: "form",
    explode: false,
    schema: v.pipe(v.array(patternSchema), v.metadata({ minItems: 1, maxItems: LIMITS.selectionKeys })),
    example: ["AAPL", "tech.*"],
  },
  since: {
    in: "query",
    name: "since",
    description: "Only what changed after this position.",
    schema: positionSchema,
  },
  hz: {
    in: "query",
    name: "hz",
    description: "At most so many messages a second. A plain decimal.",
    schema: hzSchema,
    example: 4,
  },
  mode: {
    in: "query",
    name: "mode",
    description: "`latest`: updates of one key that wait together are merged. `all`: every update, in order.",
    schema: v.optional(modeSchema, "latest"),
  },
  wait: {
    in: "query",
    name: "wait",
    description:
      "With `since`: how many seconds to wait for a change. A plain decimal. Sockets and streams wait without it.",
    schema: waitSchema,
    example: 30,
  },
  key: { in: "query", name: "key", required: true, description: "The key whose history to read.", schema: keySchema },
  limit: {
    in: "query",
    name: "limit",
    description: "At most so many updates: the newest ones.",
    schema: v.optional(page(LIMITS.historyPage), LIMITS.historyDefault),
  },
  before: { in: "query", name: "before", description: "Only updates before this `seq`.", schema: seqSchema },
  feedLimit: {
    in: "query",
    name: "limit",
    description: "At most so many feeds.",
    schema: v.optional(page(LIMITS.listedFeeds), LIMITS.listedFeeds),
  },
  after: {
    in: "query",
    name: "after",
    description: "Only names after this one: the `next` of the page before.",
    schema: v.string(),
  },
  forget: {
    in: "query",
    name: "forget",
    description: "`true` also removes the feed and its name. Its sockets are closed with 4404.",
    schema: v.optional(v.picklist(["true", "false"]), "false"),
  },
  ifNoneMatch: {
    in: "header",
    name: "If-None-Match",
    description: "The `ETag` of an earlier answer: the answer is `304` if nothing has changed since.",
    schema: v.string(),
    example: '"k3v7x2qm4a:1045"',
  },
  lastEventId: {
    in: "header",
    name: "Last-Event-ID",
    description: "Streams: the position to resume from. It wins over `since`. If it is not a position, it is ignored.",
    schema: v.string(),
    example: "k3v7x2qm4a:1045",
  },
  subprotocol: {
    in: "header",
    name: "Sec-WebSocket-Protocol",
    description: `What a socket offers: \`${PROTOCOL}\` (JSON, also if none is offered) or \`${MSGPACK_PROTOCOL}\` (MessagePack in binary frames), and \`bearer.<credential>\`.`,
    schema: v.pipe(v.string(), v.examples([PROTOCOL, MSGPACK_PROTOCOL])),
    example: `${PROTOCOL}, bearer.eyJhbGciOi`,
  },
  idempotencyKey: {
    in: "header",
    name: "Idempotency-Key",
    description: `For ${LIMITS.idempotencyWindow / 60_000} minutes, a repeat with the same body gets the first receipt and publishes nothing.`,
    schema: v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.idempotencyKeyLength)),
  },
  contentEncoding: {
    in: "header",
    name: "Content-Encoding",
    description: "How the body is compressed. The limits are those of the body after inflating.",
    schema: v.picklist(["gzip", "identity"]),
  },
} satisfies Record<string, Parameter>;

/** The parameters of every subscriber: over WebSocket, as a stream and by polling. */
export const OF_A_SUBSCRIBER = ["keys", "since", "hz", "mode"] as const satisfies (keyof typeof PARAMETERS)[];

/** Where a request may carry its credential. */
export const CREDENTIALS = {
  token: {
    in: "query",
    name: "token",
    description: "The credential, for readers that can neither set a header nor offer a subprotocol.",
    schema: v.string(),
  },
  authorization: {
    in: "header",
    name: "Authorization",
    description: "`Bearer <credential>`, for clients that can set headers.",
    schema: v.string(),
  },
} satisfies Record<string, Parameter>;

interface AnswerHeader {
  /** Whether every answer that may have it does. */
  readonly required?: true;
  readonly description: string;
  readonly schema: v.GenericSchema;
}

/** Headers of answers, by name. */
export const ANSWER_HEADERS = {
  ETag: {
    description: "The position of the answer, in quotes.",
    schema: v.pipe(v.string(), v.regex(/^"[a-z0-9]{1,32}:[0-9]+"$/)),
  },
  "Retry-After": {
    required: true,
    description: "After how many seconds to try again.",
    schema: v.pipe(v.number(), v.integer(), v.minValue(1)),
  },
  "Idempotency-Replayed": {
    description: "This is the receipt of the first request with this key.",
    schema: v.literal("true"),
  },
  "WWW-Authenticate": {
    required: true,
    description: "The scheme of the missing credential.",
    schema: v.pipe(v.string(), v.regex(/^Bearer/)),
  },
  "Accept-Post": { description: "The types that a body may have, if the type was wrong.", schema: v.string() },
  "Accept-Encoding": {
    description: "The encodings that a body may have, if the encoding was wrong.",
    schema: v.string(),
  },
  Allow: { required: true, description: "The methods of this path.", schema: v.string() },
} satisfies Record<string, AnswerHeader>;
