import { CLIENT_MESSAGE_SCHEMAS as CHECKED } from "../protocol/client-messages.ts";
import { LIMITS } from "../protocol/limits.ts";
import { jsonSchemaOf, type JsonSchema } from "./json-schema.ts";
import { ref } from "./names.ts";
import type { Described } from "./server-messages.ts";

/** A message as the server checks it, with its parts in words where the server checks them by functions. */
function said(type: keyof typeof CHECKED, parts: JsonSchema = {}): JsonSchema {
  const schema = jsonSchemaOf(CHECKED[type]);
  const { properties } = schema;
  const known = typeof properties === "object" && properties !== null && !Array.isArray(properties) ? properties : {};
  const merged = Object.entries(parts).map(([name, part]) => [name, merge(known[name], part)]);
  return { ...schema, properties: { ...known, ...Object.fromEntries(merged) } };
}

function merge(known: JsonSchema[string] | undefined, part: JsonSchema[string]): JsonSchema[string] {
  return typeof known === "object" && typeof part === "object" ? Object.assign({}, known, part) : part;
}

/** What a client may say on a socket. */
export const CLIENT_MESSAGES = {
  subscribe: {
    summary: "Replaces the selection, `hz` and `mode`. The answer holds the entries selected now and not before.",
    schema: said("subscribe", { keys: { items: ref("Pattern"), maxItems: LIMITS.selectionKeys } }),
    example: { type: "subscribe", id: 1, keys: ["AAPL", "tech.*"], hz: 4, mode: "latest" },
  },
  publish: {
    summary: "Publishes a batch, where the socket's credential allows it.",
    schema: said("publish", { updates: { items: ref("Update"), minItems: 1 } }),
    example: { type: "publish", id: 7, updates: [{ key: "AAPL", patch: { price: 191.4 } }] },
  },
  auth: {
    summary: "Replaces what the socket may do, and for how long. A token that is nobody's closes it with 4401.",
    schema: said("auth"),
    example: { type: "auth", id: 2, token: "eyJhbGciOi" },
  },
  ack: {
    summary:
      "Tells how far the client has come: at least once a second, or never; `bytes` is how much of `snapshot` and `update` " +
      "messages it has taken on this socket, in characters. Not answered.",
    schema: said("ack"),
    example: { type: "ack", seq: 1045 },
  },
  ping: {
    summary: "Bare text, answered `pong` without waking a feed that sleeps.",
    schema: { const: "ping" },
    example: "ping",
  },
} as const satisfies Record<string, Described>;
