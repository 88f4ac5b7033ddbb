import * as v from "valibot";
import { LIMITS } from "./limits.ts";
import { MSGPACK_PROTOCOL, PROTOCOL } from "./names.ts";
import {
  feedNameSchema,
  fieldSchema,
  hzSchema,
  idempotencyKeySchema,
  keySchema,
  modeSchema,
  patternSchema,
  positionSchema,
  seqSchema,
} from "./schemas.ts";

/*
 * Query parameters and headers of the wire: what each means and takes. `http/query.ts` and its neighbours read them.
 */

/** A parameter in OpenAPI's terms; `style` and `explode` say how a list is written. */
interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly required?: true;
  readonly description?: string;
  readonly style?: "form";
  readonly explode?: false;
  readonly schema: v.GenericSchema;
  readonly example?: string | number | string[];
}

const describe =
  (place: Parameter["in"]) =>
  (
    name: string,
    schema: v.GenericSchema,
    description: string,
    example?: Parameter["example"],
  ): Parameter & { readonly description: string } => ({
    in: place,
    name,
    description,
    schema,
    ...(example !== undefined && { example }),
  });
const query = describe("query");
const header = describe("header");

/** A list in the query, separated by commas. */
function list(name: string, schema: v.GenericSchema, most: number, description: string, example: string[]) {
  const items = v.pipe(v.array(schema), v.metadata({ minItems: 1, maxItems: most }));
  return { ...query(name, items, `${description} May be repeated.`, example), style: "form", explode: false } as const;
}

const wholeNumber = (min: number, max: number) => {
  const problem = `is not a whole number from ${min} to ${max}`;
  return v.pipe(v.number(), v.integer(problem), v.minValue(min, problem), v.maxValue(max, problem));
};
const WAIT_PROBLEM = `is not a number from 0 to ${LIMITS.waitMax}`;
export const waitSchema = v.pipe(v.number(), v.minValue(0, WAIT_PROBLEM), v.maxValue(LIMITS.waitMax, WAIT_PROBLEM));
export const historyLimitSchema = v.optional(wholeNumber(1, LIMITS.historyPage), LIMITS.historyDefault);
/** `seqSchema` with the words of a parameter. */
export const beforeSchema = wholeNumber(0, Number.MAX_SAFE_INTEGER);
export const listLimitSchema = v.optional(wholeNumber(1, LIMITS.listedFeeds), LIMITS.listedFeeds);

/** What a request may carry beside its body, by the name that the operations use for it. */
export const PARAMETERS = {
  feed: { in: "path", name: "feed", required: true, schema: feedNameSchema },
  keys: list("keys", patternSchema, LIMITS.selectionKeys, "The selection, separated by commas. Without it: all keys.", [
    "AAPL",
    "tech.*",
  ]),
  fields: list(
    "fields",
    fieldSchema,
    LIMITS.selectionFields,
    "The top-level members of the values to send, separated by commas. Without it: all.",
    ["last", "bid"],
  ),
  since: query("since", positionSchema, "Only what changed after this position."),
  hz: query("hz", hzSchema, "At most so many messages a second. A plain decimal.", 4),
  mode: query(
    "mode",
    v.optional(modeSchema, "latest"),
    "`latest`: updates of one key that wait together are merged. `all`: every update, in order.",
  ),
  wait: query(
    "wait",
    waitSchema,
    "With `since`: how many seconds to wait for a change. A plain decimal. Sockets and streams wait without it.",
    30,
  ),
  key: { in: "query", name: "key", required: true, description: "The key whose history to read.", schema: keySchema },
  limit: query("limit", historyLimitSchema, "At most so many updates: the newest ones."),
  before: query("before", seqSchema, "Only updates before this `seq`."),
  feedLimit: query("limit", listLimitSchema, "At most so many feeds."),
  after: query("after", v.string(), "Only names after this one: the `next` of the page before."),
  forget: query(
    "forget",
    v.optional(v.picklist(["true", "false"]), "false"),
    "`true` also removes the feed and its name. Its sockets are closed with 4404.",
  ),
  ifNoneMatch: header(
    "If-None-Match",
    v.string(),
    "The `ETag` of an earlier answer: the answer is `304` if nothing has changed since.",
    '"k3v7x2qm4a:1045"',
  ),
  lastEventId: header(
    "Last-Event-ID",
    v.string(),
    "Streams: the position to resume from. It wins over `since`. If it is not a position, it is ignored.",
    "k3v7x2qm4a:1045",
  ),
  subprotocol: header(
    "Sec-WebSocket-Protocol",
    v.pipe(v.string(), v.examples([PROTOCOL, MSGPACK_PROTOCOL])),
    `What a socket offers: \`${PROTOCOL}\` (JSON, also if none is offered) or \`${MSGPACK_PROTOCOL}\` (MessagePack in binary frames), and \`bearer.<credential>\`.`,
    `${PROTOCOL}, bearer.eyJhbGciOi`,
  ),
  idempotencyKey: header(
    "Idempotency-Key",
    idempotencyKeySchema,
    `For ${LIMITS.idempotencyWindow / 60_000} minutes, a repeat with the same body gets the first receipt and publishes nothing.`,
  ),
  contentEncoding: header(
    "Content-Encoding",
    v.picklist(["gzip", "identity"]),
    "How the body is compressed. The limits are those of the body after inflating.",
  ),
} satisfies Record<string, Parameter>;

/** The parameters of every subscriber: over WebSocket, as a stream and by polling. */
export const OF_A_SUBSCRIBER = ["keys", "fields", "since", "hz", "mode"] as const satisfies (keyof typeof PARAMETERS)[];

/** Those of a socket alone: a `GET` that is no upgrade is refused with them. */
export const OF_A_SOCKET = {
  publish: query(
    "publish",
    v.picklist(["only"]),
    "The socket only publishes. It needs the grant to publish and no other, and is sent no snapshot and no update.",
  ),
};

/** Where a request may carry its credential. */
export const CREDENTIALS = {
  token: query(
    "token",
    v.string(),
    "The credential, for readers that can neither set a header nor offer a subprotocol.",
  ),
  authorization: header("Authorization", v.string(), "`Bearer <credential>`, for clients that can set headers."),
};

/** Headers of answers, by name. `required`: every answer that may have it does. */
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
} satisfies Record<string, Pick<Parameter, "required" | "schema"> & { description: string }>;
