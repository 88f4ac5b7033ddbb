import type { JsonObject } from "../protocol/json.ts";
import { applyMergePatch } from "../protocol/merge-patch.ts";
import type { SnapshotReason } from "../protocol/codes.ts";
import type { MessageEvent } from "./connection/state.ts";
import { isEqual } from "./equal.ts";
import { expectThat, messageOf, objectOf } from "./reading.ts";
import { selects } from "./selection.ts";
import type { Change, MessageFormat, Selection } from "./types.ts";

/** A message of the server. What is only handed on is its word; the rest is looked at before it is used. */
type Message = Readonly<Record<"type" | "id" | "epoch" | "seq" | "from" | "entries" | "more", unknown>> & {
  /** Anything else throws where it is gone through. */
  readonly updates: readonly unknown[];
  readonly reason?: SnapshotReason;
  readonly time?: number;
  readonly skipped?: number;
  readonly expires?: number;
  readonly message: string;
};

/** The last `subscribe` that was sent. */
export interface Asked extends Selection {
  readonly id: number;
}

/** What a subscriber knows of one feed: its entries and its position. No sockets, no clock. */
export interface View {
  entries(): ReadonlyMap<string, JsonObject>;
  seq(): number;
  /** `epoch:seq`; none before the first snapshot. */
  position(): string | undefined;
  /** A new connection begins: from the position, or with a snapshot. */
  begin(resumes: boolean): void;
  /**
   * Applies one message, as JSON text or as bytes of the format, whole or not at all. Nothing comes of one that is not
   * known, or only counts with the next.
   */
  read(frame: string | Uint8Array, asked: Asked): MessageEvent | undefined;
}

export function createView(format?: MessageFormat): View {
  let entries = new Map<string, JsonObject>();
  let epoch: string | undefined;
  let seq = 0;
  /** Only a snapshot can follow: nothing is known yet, or it is of another epoch or selection. */
  let awaitsSnapshot = true;
  /** Where the server was when the connection began. */
  let greeted = 0;
  /** What has come of a snapshot in parts. They belong together: nothing comes in between. */
  let partial: Map<string, JsonObject> | undefined;

  function readSnapshot(message: Message, asked: Asked): readonly Change<JsonObject>[] | undefined {
    const { epoch: nextEpoch, seq: nextSeq } = message;
    let next = (partial ??= new Map());
    for (const [key, value] of Object.entries(objectOf(message.entries))) next.set(key, objectOf(value));
    if (message.more === true) return undefined;
    partial = undefined;
    expectThat(typeof nextEpoch === "string" && typeof nextSeq === "number");
    if (message.reason === "subscribe") {
      // Only the entries that are selected now and were not before: the rest is what we have.
      expectThat(message.id === asked.id && !awaitsSnapshot && nextEpoch === epoch && nextSeq >= seq, "a gap");
      const isSelected = selects(asked);
      next = new Map([...[...entries].filter(([key]) => isSelected(key)), ...next]);
    }
    const changes: Change<JsonObject>[] = [];
    for (const [key, previous] of entries) if (!next.has(key)) changes.push({ key, value: undefined, previous });
    for (const [key, value] of next) {
      const previous = entries.get(key);
      // Values that are the same stay the same objects.
      if (previous && isEqual(previous, value)) next.set(key, previous);
      else changes.push({ key, value, previous });
    }
    entries = next;
    epoch = nextEpoch;
    seq = nextSeq;
    awaitsSnapshot = false;
    return changes;
  }

  function readUpdate(message: Message): readonly Change<JsonObject>[] {
    const { updates, from, seq: nextSeq } = message;
    expectThat(!awaitsSnapshot && !partial && from === seq, "a gap");
    expectThat(typeof nextSeq === "number" && nextSeq >= seq);
    // Nothing is in place before all of it has been read, so that a batch is seen whole or not at all.
    const draft = new Map<string, JsonObject | undefined>();
    const changes: Change<JsonObject>[] = [];
    for (const update of updates) {
      const { key, set, patch, delete: gone } = objectOf(update);
      expectThat(typeof key === "string" && [set, patch, gone].filter((change) => change !== undefined).length === 1);
      const previous = draft.has(key) ? draft.get(key) : entries.get(key);
      const value =
        gone === true ? undefined : patch === undefined ? objectOf(set) : applyMergePatch(previous, objectOf(patch));
      draft.set(key, value);
      if (value !== previous) changes.push({ key, value, previous });
    }
    for (const [key, value] of draft) {
      if (value) entries.set(key, value);
      else entries.delete(key);
    }
    seq = nextSeq;
    return changes;
  }

  function apply(message: Message, asked: Asked): MessageEvent | undefined {
    const { type, id, expires, reason, time, skipped = 0 } = message;
    if (type === "hello") {
      // Where the server is is not yet our position: only what it sends next moves us there.
      awaitsSnapshot ||= message.epoch !== epoch;
      greeted = Number(message.seq) || 0;
    }
    if (type === "authorized") return { type, expires };
    if (type === "error" && id === asked.id) return { type: "complaint", why: message.message };
    if (type !== "snapshot" && type !== "update") return undefined;
    const isSnapshot = type === "snapshot";
    const changes = isSnapshot ? readSnapshot(message, asked) : readUpdate(message);
    if (!changes) return undefined;
    return {
      type: "applied",
      changes,
      batch: {
        position: `${epoch}:${seq}`,
        time,
        cause: type,
        reason,
        skipped,
      },
      current: isSnapshot || seq >= greeted,
    };
  }

  return {
    entries: () => entries,
    seq: () => seq,
    position: () => epoch && `${epoch}:${seq}`,
    begin(resumes) {
      partial = undefined;
      greeted = 0;
      awaitsSnapshot = !resumes;
    },
    read(frame, asked) {
      try {
        return apply((typeof frame === "string" ? JSON.parse(frame) : format?.decode(frame)) ?? {}, asked);
      } catch (error) {
        return { type: "fault", why: messageOf(error) };
      }
    },
  };
}
