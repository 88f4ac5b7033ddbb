import { hzSchema, modeSchema } from "../protocol/client-messages.ts";
import { LIMITS } from "../protocol/limits.ts";
import { PROTOCOL } from "../protocol/messages.ts";
import { PACKED_PROTOCOL } from "../protocol/packed.ts";
import { jsonSchemaOf, type JsonSchema } from "./json-schema.ts";
import { ref } from "./names.ts";

/** What a socket may offer. */
export const SUBPROTOCOLS = `\`${PROTOCOL}\` (JSON, also without any), \`${PACKED_PROTOCOL}\` (binary frames), and \`bearer.<credential>\`.`;

/** Every parameter, by the name that operations refer to it by. */
export const PARAMETERS = {
  feed: { name: "feed", in: "path", required: true, schema: ref("Feed") },
  keys: {
    ...query("keys", "The selection, comma-separated; none given means all. May be repeated."),
    style: "form",
    explode: false,
    schema: { type: "array", items: ref("Pattern"), minItems: 1, maxItems: LIMITS.selectionKeys },
    example: ["AAPL", "tech.*"],
  },
  since: { ...query("since", "Only what changed after this position."), schema: ref("Position") },
  hz: {
    ...query("hz", "At most so many messages a second. A plain decimal."),
    schema: jsonSchemaOf(hzSchema),
    example: 4,
  },
  mode: {
    ...query("mode", "`latest`: what waits together is merged by key. `all`: every update, in order."),
    schema: { ...jsonSchemaOf(modeSchema), default: "latest" },
  },
  wait: {
    ...query("wait", "With `since`: seconds to wait for a change. A plain decimal. Sockets and streams wait anyway."),
    schema: { type: "number", minimum: 0, maximum: LIMITS.waitMax },
    example: 30,
  },
  key: { ...query("key", "Whose history."), required: true, schema: ref("Key") },
  limit: {
    ...query("limit", "How many, the newest ones."),
    schema: { type: "integer", minimum: 1, maximum: LIMITS.historyPage, default: 100 },
  },
  before: { ...query("before", "Only those before this `seq`."), schema: ref("Seq") },
  most: {
    ...query("limit", "How many."),
    schema: { type: "integer", minimum: 1, maximum: LIMITS.listedFeeds, default: LIMITS.listedFeeds },
  },
  after: { ...query("after", "Names after this one: the `next` of the page before."), schema: { type: "string" } },
  forget: {
    ...query("forget", "`true` removes the feed and its name too. Its sockets are closed with 4404."),
    schema: { enum: ["true", "false"], default: "false" },
  },
  ifNoneMatch: {
    ...header("If-None-Match", "An `ETag` from before: `304` while nothing has changed."),
    schema: { type: "string" },
    example: '"k3v7x2qm4a:1045"',
  },
  lastEventId: {
    ...header("Last-Event-ID", "Streams: the position to resume from. Wins over `since`; what is none is ignored."),
    schema: { type: "string" },
    example: "k3v7x2qm4a:1045",
  },
  subprotocol: {
    ...header("Sec-WebSocket-Protocol", `Sockets: ${SUBPROTOCOLS}`),
    schema: { type: "string", examples: [PROTOCOL, PACKED_PROTOCOL] },
    example: `${PROTOCOL}, bearer.eyJhbGciOi`,
  },
  idempotencyKey: {
    ...header(
      "Idempotency-Key",
      `A repeat with the same body gets the first receipt and publishes nothing, for ${LIMITS.idempotencyWindow / 60_000} minutes.`,
    ),
    schema: { type: "string", minLength: 1, maxLength: LIMITS.idempotencyKeyLength },
  },
  contentEncoding: {
    ...header("Content-Encoding", "The bounds hold for the body after inflating."),
    schema: { enum: ["gzip", "identity"] },
  },
} as const satisfies Record<string, JsonSchema>;

/** Headers of answers, by name. */
export const HEADERS: Readonly<Record<string, JsonSchema>> = {
  ETag: {
    description: "The position that the answer tells of, in quotes.",
    schema: { type: "string", pattern: '^"[a-z0-9]{1,32}:[0-9]+"$' },
  },
  "Retry-After": { required: true, description: "Seconds.", schema: { type: "integer", minimum: 1 } },
  "Idempotency-Replayed": {
    description: "The receipt is that of the first request with this key.",
    schema: { const: "true" },
  },
  "WWW-Authenticate": {
    required: true,
    description: "The scheme of the credential that is missing.",
    schema: { type: "string", pattern: "^Bearer" },
  },
  "Accept-Post": {
    description: "The types that a body may have, where its own was the matter.",
    schema: { type: "string" },
  },
  "Accept-Encoding": {
    description: "The encodings that a body may have, where its own was the matter.",
    schema: { type: "string" },
  },
  Allow: { required: true, description: "The methods of this path.", schema: { type: "string" } },
};

function query(name: string, description: string): JsonSchema {
  return { name, in: "query", description };
}

function header(name: string, description: string): JsonSchema {
  return { name, in: "header", description };
}
