import type { JsonSchema } from "./json-schema.ts";
import { ref, told } from "./names.ts";
import { CHANGED, RECEIPT, SERVER_MESSAGES, type Described } from "./server-messages.ts";

const count: JsonSchema = { type: "integer", minimum: 0 };
const LISTED: JsonSchema = { feed: ref("Feed"), seq: ref("Seq"), keys: count, subscribers: count };
const UNREADABLE: JsonSchema = {
  const: true,
  description: "The feed does not answer: the rest is what was last known of it.",
};

/** What the server answers over HTTP with `200`, each with an example. */
export const ANSWERS = {
  Receipt: {
    summary: "The batch is durable. `stale` updates were counted and not applied.",
    schema: told({ feed: ref("Feed"), ...RECEIPT }),
    example: { feed: "stocks", epoch: "k3v7x2qm4a", seq: 1045, accepted: 3, stale: 0 },
  },
  State: {
    summary: "The selected entries; with `since` an `update` message, or a `snapshot` message where that cannot be.",
    schema: {
      anyOf: [
        told({ feed: ref("Feed"), epoch: ref("Epoch"), seq: ref("Seq"), time: CHANGED, entries: ref("Entries") }),
        ref("UpdateMessage"),
        ref("SnapshotMessage"),
      ],
    },
    example: {
      feed: "stocks",
      epoch: "k3v7x2qm4a",
      seq: 1045,
      time: 1732096000123,
      entries: { AAPL: { price: 191.2, size: 300 } },
    },
  },
  Reset: {
    summary: "The feed is empty, under a new epoch; with `forget` it is gone.",
    schema: {
      anyOf: [
        told({ feed: ref("Feed"), epoch: ref("Epoch"), seq: { const: 0 } }),
        told({ feed: ref("Feed"), forgotten: { const: true } }),
      ],
    },
    example: { feed: "stocks", epoch: "b2n7p4x5ra", seq: 0 },
  },
  List: {
    summary: "The feeds that exist and may be read, in order of name.",
    schema: told(
      {
        feeds: { type: "array", items: told({ ...LISTED, unreadable: UNREADABLE }, ["unreadable"]) },
        next: { ...ref("Feed"), description: "Goes into `after` where there may be more." },
      },
      ["next"],
    ),
    example: { feeds: [{ feed: "stocks", seq: 1045, keys: 60, subscribers: 12 }] },
  },
  History: {
    summary: "The key's updates, oldest first, as far as they are kept.",
    schema: told({
      feed: ref("Feed"),
      epoch: ref("Epoch"),
      key: ref("Key"),
      updates: { type: "array", items: ref("PastUpdate") },
      more: {
        type: "boolean",
        description: "Whether there are older ones: where the updates are long, though fewer than `limit` came.",
      },
    }),
    example: {
      feed: "stocks",
      epoch: "k3v7x2qm4a",
      key: "AAPL",
      updates: [{ seq: 1041, time: 1732096000123, patch: { price: 191.1 } }],
      more: true,
    },
  },
  Stats: {
    summary: "How the feed is.",
    schema: told({
      ...LISTED,
      epoch: ref("Epoch"),
      lagging: { ...count, description: "Subscribers that do not take what they are sent." },
      time: { ...ref("Time"), description: "When the last update was accepted, in ms since 1970; 0 before the first." },
      storage: { ...count, description: "Bytes in use." },
      started: { ...ref("Time"), description: "When the feed came into memory, in ms since 1970." },
    }),
    example: {
      feed: "stocks",
      epoch: "k3v7x2qm4a",
      seq: 1045,
      keys: 60,
      subscribers: 12,
      lagging: 0,
      time: 1732096000123,
      storage: 40960,
      started: 1732090000000,
    },
  },
  Health: { summary: "The Worker answers.", schema: told({ status: { const: "ok" } }), example: { status: "ok" } },
} as const satisfies Record<string, Described>;

/** Messages that are answers over HTTP too. */
export const MESSAGE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Entries: { type: "object", additionalProperties: ref("Value"), propertyNames: ref("Key") },
  UpdateMessage: SERVER_MESSAGES.update.schema,
  SnapshotMessage: SERVER_MESSAGES.snapshot.schema,
};
