import { messageOf } from "./errors.ts";
import { keyFilter, type AnySelection } from "./selection.ts";
import { isEqual } from "./equal.ts";
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { applyMergePatch } from "../protocol/merge-patch.ts";
import type {
  AuthorizedMessage,
  ErrorMessage,
  HelloMessage,
  ServerMessage,
  SnapshotMessage,
  UpdateMessage,
} from "../protocol/server-messages.ts";
import type { Loaded } from "./initial.ts";
import type { Greeting, ViewEvent } from "./connection/state.ts";
import type { Change, MessageFormat } from "./types.ts";

/** A message as it comes: `Unread` members are passed on, all others are checked before they are used. */
type Received<M extends ServerMessage, Unread extends keyof M = never> = Readonly<
  Pick<M, Unread | "type"> & Record<Exclude<keyof M, Unread | "type">, unknown>
>;
type Snapshot = Received<SnapshotMessage, "reason" | "time">;
/** Iterating over other `updates` throws. */
type Update = Received<UpdateMessage, "time" | "skipped"> & { readonly updates: readonly unknown[] };
type Applicable = Pick<Snapshot | Update, "type" | "time"> &
  Partial<Pick<Snapshot, "reason">> &
  Pick<Update, "skipped">;
type Message =
  | Snapshot
  | Update
  | (Received<HelloMessage, "time"> & { readonly silentAfter?: unknown })
  | Received<AuthorizedMessage, "expires">
  | Received<ErrorMessage, "message">
  /** Of any other type. */
  | { readonly type: "receipt"; readonly id?: unknown }
  | { readonly type?: undefined };

/** The last `subscribe` that was sent. */
export interface SentSubscribe extends AnySelection {
  readonly id: number;
}

/** The answer to a message that is no `subscribe`. */
interface Answered {
  readonly type: "answered";
  readonly answer: Readonly<Record<string, unknown>>;
}

/** The client's copy of one feed: its entries and its position. No sockets, no clock. */
export interface View {
  readonly entries: ReadonlyMap<string, JsonObject>;
  seq(): number;
  /** `epoch:seq`; undefined before the first snapshot. */
  position(): string | undefined;
  /** A new connection begins: it resumes from the position, or starts with a snapshot. */
  begin(resumes: boolean): void;
  /**
   * Applies one message, JSON text or bytes of the format, whole or not at all. Returns undefined for a message of an
   * unknown type, and for a part of a snapshot, which only counts with its last part.
   */
  read(frame: string | Uint8Array, sent: SentSubscribe): ViewEvent | Greeting | Answered | undefined;
}

export function createView(format?: MessageFormat, initial?: Loaded): View {
  const entries = initial?.entries ?? new Map<string, JsonObject>();
  let epoch = initial?.epoch;
  let seq = initial?.seq ?? 0;
  /** Only a snapshot can follow: there are no entries yet, or they are of another epoch or selection. */
  let awaitsSnapshot = true;
  /** The seq of the server when the connection began. */
  let helloSeq = 0;
  /** The parts of a snapshot so far. No update comes between them. */
  let partial: Map<string, JsonObject> | undefined;

  function readSnapshot(message: Snapshot, sent: SentSubscribe): ViewEvent | undefined {
    const { epoch: nextEpoch, seq: nextSeq } = message;
    const next = (partial ??= new Map());
    for (const [key, value] of Object.entries(objectOf(message.entries))) next.set(key, objectOf(value));
    if (message.more === true) return undefined;
    partial = undefined;
    expectThat(typeof nextEpoch === "string" && typeof nextSeq === "number");
    // The answer to `subscribe` has only the entries that are selected now and were not before: we have the others. With other
    // fields than before it has them all.
    const isAnswer = message.reason === "subscribe";
    if (isAnswer) {
      expectThat(message.id === sent.id && !awaitsSnapshot && nextEpoch === epoch && nextSeq >= seq, "a gap");
    }
    const isKept = keyFilter(sent);
    const changes: Change<JsonObject>[] = [];
    for (const [key, previous] of entries) {
      if (!next.has(key) && !(isAnswer && isKept(key))) changes.push({ key, value: undefined, previous });
    }
    for (const [key, value] of next) {
      const previous = entries.get(key);
      // Values that are the same stay the same objects.
      const current = previous && isEqual(previous, value) ? previous : value;
      // The order is that of a whole snapshot, as a new client has it.
      if (!isAnswer) entries.delete(key);
      entries.set(key, current);
      if (current !== previous) changes.push({ key, value: current, previous });
    }
    epoch = nextEpoch;
    awaitsSnapshot = false;
    return apply(message, changes, nextSeq);
  }

  function readUpdate(message: Update): ViewEvent {
    const { updates, from, seq: nextSeq } = message;
    expectThat(!awaitsSnapshot && !partial && from === seq, "a gap");
    expectThat(typeof nextSeq === "number" && nextSeq >= seq);
    // The keys that this message has changed so far. The entries change when all of it has been read.
    const draft = new Map<string, JsonObject | undefined>();
    const changes: Change<JsonObject>[] = [];
    for (const update of updates) {
      const { key, set, patch, delete: gone, time, version } = objectOf(update);
      expectThat(typeof key === "string" && [set, patch, gone].filter((change) => change !== undefined).length === 1);
      const previous = draft.has(key) ? draft.get(key) : entries.get(key);
      const value =
        gone === true ? undefined : patch === undefined ? objectOf(set) : applyMergePatch(previous, objectOf(patch));
      draft.set(key, value);
      if (value !== previous)
        changes.push({
          key,
          value,
          previous,
          ...(typeof time === "number" && { time }),
          ...(typeof version === "number" && { version }),
        });
    }
    return apply(message, changes, nextSeq);
  }

  /** Changes the entries, all at once. */
  function apply(
    { type: cause, time, reason, skipped = 0 }: Applicable,
    changes: readonly Change<JsonObject>[],
    nextSeq: number,
  ): ViewEvent {
    for (const { key, value } of changes) {
      if (value) entries.set(key, value);
      else entries.delete(key);
    }
    seq = nextSeq;
    return {
      type: "applied",
      changes,
      batch: { position: `${epoch}:${seq}`, time, cause, reason, skipped },
      current: cause === "snapshot" || seq >= helloSeq,
    };
  }

  function readMessage(message: Message, sent: SentSubscribe): ViewEvent | Greeting | Answered | undefined {
    if (message.type === "snapshot") return readSnapshot(message, sent);
    if (message.type === "update") return readUpdate(message);
    if (message.type === "authorized") return { type: message.type, expires: message.expires };
    if (message.type === "error" && message.id === sent.id) return { type: "selectRefused", why: message.message };
    if (message.type === "error" || message.type === "receipt") return { type: "answered", answer: message };
    if (message.type === "hello") {
      // This is not yet our position: only what the server sends next moves us there.
      awaitsSnapshot ||= message.epoch !== epoch;
      helloSeq = Number(message.seq) || 0;
      return { type: message.type, time: message.time, silentAfter: message.silentAfter };
    }
    return undefined;
  }

  return {
    entries,
    seq: () => seq,
    position: () => epoch && `${epoch}:${seq}`,
    begin(resumes) {
      partial = undefined;
      helloSeq = 0;
      awaitsSnapshot = !resumes;
    },
    read(frame, sent) {
      try {
        return readMessage((typeof frame === "string" ? JSON.parse(frame) : format?.decode(frame)) ?? {}, sent);
      } catch (error) {
        return { type: "protocolError", why: messageOf(error) };
      }
    },
  };
}

/** Throws if a message is not what it must be. */
function expectThat(holds: boolean, what = "malformed"): asserts holds {
  if (!holds) throw new Error(what);
}

function objectOf(value: unknown): JsonObject {
  expectThat(isJsonObject(value));
  return value;
}
