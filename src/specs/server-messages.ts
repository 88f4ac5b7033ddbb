import { PROBLEMS } from "../protocol/codes.ts";
import { PROTOCOL, type SnapshotReason } from "../protocol/messages.ts";
import type { JsonSchema } from "./json-schema.ts";
import { ref, told } from "./names.ts";

/** Why a snapshot comes: what each reason tells whoever gets it. */
const REASONS: Readonly<Record<SnapshotReason, string>> = {
  initial: "no `since` was given",
  epoch_changed: "`since` is of another epoch",
  position_expired: "what was missed is no longer kept, or too long to be told",
  position_ahead: "`since` lies ahead of the feed",
  lagging: "the subscriber was too slow",
  subscribe: "the answer to `subscribe`",
  reset: "the feed was reset",
};

const id: JsonSchema = { type: "number", description: "The one of the message that this answers." };
const count: JsonSchema = { type: "integer", minimum: 0 };

/** How old a state is. */
export const CHANGED: JsonSchema = {
  ...ref("Time"),
  description: "When the feed last changed, in ms since 1970; 0 if never.",
};

/** The members of a receipt, over HTTP and on a socket alike. */
export const RECEIPT: JsonSchema = { epoch: ref("Epoch"), seq: ref("Seq"), accepted: count, stale: count };

export interface Described {
  readonly summary: string;
  readonly schema: JsonSchema;
  readonly example: JsonSchema | string;
}

/** What a server says on a socket or in a stream. */
export const SERVER_MESSAGES = {
  hello: {
    summary: "Comes first: the server's state. It moves no position.",
    schema: told({
      type: { const: "hello" },
      protocol: { const: PROTOCOL },
      feed: ref("Feed"),
      epoch: ref("Epoch"),
      seq: ref("Seq"),
      time: CHANGED,
    }),
    example: { type: "hello", protocol: PROTOCOL, feed: "stocks", epoch: "k3v7x2qm4a", seq: 1042, time: 1732096000123 },
  },
  snapshot: {
    summary: "The selected entries. All parts but the last have `more`, and all are to be applied as a whole.",
    schema: told(
      {
        type: { const: "snapshot" },
        id,
        epoch: ref("Epoch"),
        seq: ref("Seq"),
        time: CHANGED,
        reason: {
          enum: Object.keys(REASONS),
          description: Object.entries(REASONS)
            .map(([reason, why]) => `\`${reason}\`: ${why}.`)
            .join(" "),
        },
        entries: ref("Entries"),
        more: { const: true },
      },
      ["id", "more"],
    ),
    example: {
      type: "snapshot",
      epoch: "k3v7x2qm4a",
      seq: 1042,
      time: 1732096000123,
      reason: "initial",
      entries: { AAPL: { price: 191.2 } },
    },
  },
  update: {
    summary: "What has changed since `from`, which is the `seq` that the subscriber had: if not, something was lost.",
    schema: told(
      {
        type: { const: "update" },
        from: ref("Seq"),
        seq: ref("Seq"),
        time: ref("Time"),
        skipped: { ...count, description: "Updates that were merged into others." },
        updates: { type: "array", items: ref("Update") },
      },
      ["skipped"],
    ),
    example: {
      type: "update",
      from: 1042,
      seq: 1045,
      time: 1732096000123,
      skipped: 1,
      updates: [
        { key: "AAPL", patch: { price: 191.3 } },
        { key: "OLD", delete: true },
      ],
    },
  },
  receipt: {
    summary: "The batch is durable.",
    schema: told({ type: { const: "receipt" }, id, ...RECEIPT }, ["id"]),
    example: { type: "receipt", id: 7, epoch: "k3v7x2qm4a", seq: 1046, accepted: 1, stale: 0 },
  },
  authorized: {
    summary: "The credential is taken. `expires` is left out where it does not end.",
    schema: told({ type: { const: "authorized" }, id, expires: ref("Time") }, ["id", "expires"]),
    example: { type: "authorized", id: 2, expires: 1732099600000 },
  },
  error: {
    summary:
      "A message was refused, and nothing changed by it; `outcome_unknown`: it may have been carried out. In a stream: the credential has ended, or the feed was removed.",
    schema: told(
      {
        type: { const: "error" },
        id,
        code: { enum: [...Object.keys(PROBLEMS), "invalid_message"] },
        message: { type: "string" },
        issues: { type: "array", items: ref("Issue") },
      },
      ["id", "issues"],
    ),
    example: { type: "error", id: 3, code: "invalid_message", message: "keys[1] is not a string" },
  },
} as const satisfies Record<string, Described>;
