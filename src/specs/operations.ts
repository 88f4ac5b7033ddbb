import { LIMITS } from "../protocol/limits.ts";
import { OF_A_SUBSCRIBER, type PARAMETERS } from "../protocol/parameters.ts";
import { LINKS } from "./links.ts";
import { headers, refusals, type HeaderName } from "./problems.ts";
import { about, ref, type JsonSchema, type SchemaName } from "./schemas.ts";

const BEARER: JsonSchema[] = [{ bearer: [] }];
const READING = { tags: ["feeds"], security: [{}, { bearer: [] }, { token: [] }] };
const CHANGING = { tags: ["feeds"], security: BEARER };
/** About the server, for everyone. */
const OPEN = { tags: ["server"], security: [] };
const LIMITED = ["unauthorized", "rate_limited", "overloaded"] as const;
/** How any request about one feed that needs a grant may be refused. */
const OF_A_FEED = [...LIMITED, "invalid_feed", "not_found", "forbidden"] as const;

const feedPath = { parameters: [parameter("feed")] };

/** Every path with its methods. The document adds `HEAD` and `OPTIONS`. */
export const PATHS: Readonly<Record<string, JsonSchema>> = {
  "/v1/feeds/{feed}": {
    ...feedPath,
    get: {
      operationId: "readFeed",
      summary: "Read a feed, or subscribe to it",
      description:
        "A snapshot as JSON. With `since` only what has changed, with `wait` as soon as something changes. `Accept: " +
        "text/event-stream` makes it a stream of Server-Sent Events, `Upgrade: websocket` a socket: see /asyncapi.json.",
      ...READING,
      parameters: [
        ...[...OF_A_SUBSCRIBER, "wait" as const].map(parameter),
        ...(["ifNoneMatch", "lastEventId", "subprotocol"] as const).map(parameter),
      ],
      responses: {
        101: { description: "A socket.", headers: { "Sec-WebSocket-Protocol": { schema: { type: "string" } } } },
        200: {
          ...answer("State", "ETag"),
          content: {
            ...json("State"),
            "text/event-stream": {
              schema: {
                type: "string",
                description:
                  "`event:` is the type of the message, `data:` the message, `id:` the position after it. A comment comes every 20 s.",
              },
              example:
                'event: update\nid: k3v7x2qm4a:1045\ndata: {"type":"update","from":1044,"seq":1045,"time":1732096000123,"updates":[{"key":"OLD","delete":true}]}\n\n',
            },
          },
          links: LINKS.readFeed,
        },
        204: { description: "Nothing has changed within `wait`.", headers: headers("ETag") },
        304: { description: "Nothing has changed since `If-None-Match`.", headers: headers("ETag") },
        ...refusals(...OF_A_FEED, "invalid_query", "unsupported_protocol", "origin_not_allowed"),
      },
    },
    post: {
      operationId: "publish",
      summary: "Publish",
      description: `Publishes 1 to ${LIMITS.batchUpdates} updates, all of them or none. The receipt comes once they are durable.`,
      ...CHANGING,
      parameters: (["idempotencyKey", "contentEncoding"] as const).map(parameter),
      requestBody: {
        required: true,
        description: `At most ${LIMITS.batchBytes} bytes after inflating.`,
        content: {
          "application/json": {
            schema: ref("Batch"),
            example: [
              { key: "AAPL", patch: { price: 191.3 }, time: 1732096000123 },
              { key: "OLD", delete: true },
            ],
          },
          "application/x-ndjson": {
            schema: { type: "string", description: "One update a line." },
            example: '{"key":"AAPL","set":{"price":191.2}}\n{"key":"OLD","delete":true}\n',
          },
          "application/msgpack": {
            schema: {
              ...ref("Batch"),
              description: "MessagePack of what JSON can also say. No member may be called `__proto__`.",
            },
          },
        },
      },
      responses: {
        200: { ...answer("Receipt", "Idempotency-Replayed"), links: LINKS.publish },
        ...refusals(
          ...OF_A_FEED,
          ...(["invalid_json", "invalid_query", "feed_full", "out_of_order", "unknown_session"] as const),
          ...(["too_large", "unsupported_media_type", "invalid_update", "idempotency_mismatch"] as const),
          "outcome_unknown",
        ),
      },
    },
    delete: {
      operationId: "resetFeed",
      summary: "Reset a feed: it has no entries and a new epoch, and every subscriber is told. Or remove the feed",
      ...CHANGING,
      parameters: [parameter("forget")],
      responses: {
        200: { ...answer("Reset"), links: LINKS.resetFeed },
        ...refusals(...OF_A_FEED, "invalid_query", "feed_full", "outcome_unknown"),
      },
    },
  },
  "/v1/feeds/{feed}/history": {
    ...feedPath,
    get: {
      operationId: "readHistory",
      summary: "The last updates of a key",
      ...READING,
      parameters: (["key", "limit", "before"] as const).map(parameter),
      responses: {
        200: { ...answer("History"), links: LINKS.readHistory },
        ...refusals(...OF_A_FEED, "invalid_query"),
      },
    },
  },
  "/v1/feeds/{feed}/stats": {
    ...feedPath,
    get: {
      operationId: "readStats",
      summary: "The figures of a feed",
      ...READING,
      responses: { 200: answer("Stats"), ...refusals(...OF_A_FEED, "invalid_query") },
    },
  },
  "/v1/feeds": {
    get: {
      operationId: "listFeeds",
      summary: "The feeds that the caller may read",
      ...READING,
      parameters: (["feedLimit", "after"] as const).map(parameter),
      responses: { 200: { ...answer("List"), links: LINKS.listFeeds }, ...refusals(...LIMITED, "invalid_query") },
    },
  },
  "/healthz": {
    get: {
      operationId: "checkHealth",
      summary: "Whether the Worker answers",
      ...OPEN,
      responses: { 200: answer("Health"), ...refusals() },
    },
  },
  "/metrics": {
    get: {
      operationId: "readMetrics",
      summary: "The figures of every feed, for Prometheus (scope `metrics` or `admin`)",
      tags: ["server"],
      security: BEARER,
      responses: {
        200: {
          description: "The text format of Prometheus.",
          content: {
            "text/plain": { schema: { type: "string" }, example: 'tickertape_feed_keys{feed="stocks"} 60\n' },
          },
        },
        ...refusals(...LIMITED, "forbidden"),
      },
    },
  },
  "/openapi.json": document("readOpenApi", "This document"),
  "/asyncapi.json": document("readAsyncApi", "The messages of sockets and streams"),
};

function document(operationId: string, summary: string): JsonSchema {
  const tag: JsonSchema = { schema: { type: "string" } };
  return {
    get: {
      operationId,
      summary,
      ...OPEN,
      parameters: [parameter("ifNoneMatch")],
      responses: {
        200: {
          description: summary,
          headers: { ETag: tag },
          content: { "application/json": { schema: { type: "object" } } },
        },
        304: { description: "The document has not changed.", headers: { ETag: tag } },
        ...refusals(),
      },
    },
  };
}

function parameter(name: keyof typeof PARAMETERS): JsonSchema {
  return { $ref: `#/components/parameters/${name}` };
}

function json(name: SchemaName): JsonSchema {
  return { "application/json": { schema: ref(name), example: about(name).example } };
}

function answer(name: SchemaName, ...named: readonly HeaderName[]): JsonSchema {
  return { description: about(name).description, headers: headers(...named), content: json(name) };
}
