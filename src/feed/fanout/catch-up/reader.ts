import { encodeUpdateMessage } from "../../../protocol/server-messages.ts";
import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Subscription } from "../../../protocol/selection.ts";
import type { Position } from "../../../protocol/position.ts";
import { bytesOf } from "../../state/entry.ts";
import type { WorkMeter } from "../work.ts";
import { changesSince, isUnchangedSince, type UpdateRange } from "./changes-since.ts";
import type { FrozenList, ListReader, ListRequest } from "./frozen-list.ts";
import type { Job, StepResult } from "./jobs.ts";
import type { LogMemory } from "./log-memory.ts";
import { Replay } from "./replay.ts";
import type { ReadContext } from "./snapshots.ts";

/** What an HTTP client reads: a selection, and from which position, if it has one. */
export interface ReadQuery {
  readonly subscription: Subscription;
  readonly since: Position | undefined;
}

/** What a reader finds: the changes as one message; or a list, which the reader holds until `release`. */
export type ReadResult =
  | { readonly kind: "update"; readonly at: Position; readonly message: string; readonly isEmpty: boolean }
  | { readonly kind: "list"; readonly list: FrozenList; readonly reason: SnapshotReason | undefined };

/** Gets the result of a read. One of the two is called, once. */
export interface ReadListener {
  /** Undefined if the feed is no longer served. */
  found(result: ReadResult | undefined): void;
  failed(error: unknown): void;
}

/** What all readers share. */
export interface ReaderContext extends ReadContext {
  readonly logMemory: LogMemory;
  /** Whether everything that the feed shows is committed. */
  isCommitted(): boolean;
}

/** Reads the feed once for an HTTP client, in steps. */
export class Reader implements Job, ListReader {
  readonly account: string;
  readonly #context: ReaderContext;
  readonly #query: ReadQuery;
  readonly #listener: ReadListener;
  readonly #request: ListRequest;
  #replay: Replay | undefined;
  /** What the replay has found, and its bytes. */
  #ranges: UpdateRange[] = [];
  #bytes = 0;
  /** Whether the log does not have the changes, or there is no room for them. */
  #isExpired = false;
  #list: FrozenList | undefined;
  #isListGivenUp = false;
  #listGivenUp: (() => void) | undefined;

  constructor(account: string, context: ReaderContext, query: ReadQuery, listener: ReadListener) {
    this.account = account;
    this.#context = context;
    this.#query = query;
    this.#listener = listener;
    this.#request = { account, selection: query.subscription.selection };
  }

  get needsCommit(): boolean {
    return !this.#replay || this.#replay.isAtEnd;
  }

  isReady(): boolean {
    const { logMemory, snapshots } = this.#context;
    return this.#replay ? logMemory.hasRoom(this) : snapshots.canTake(this.#request);
  }

  fail(error: unknown): void {
    this.release();
    this.#listener.failed(error);
  }

  end(): void {
    this.release();
    this.#listener.found(undefined);
  }

  onListGivenUp(): void {
    this.#isListGivenUp = true;
    this.#listGivenUp?.();
  }

  /** Sets what to do when the list is given up, because others need its memory. Does it at once if that has happened. */
  whenListGivenUp(act: () => void): void {
    this.#listGivenUp = act;
    if (this.#isListGivenUp) act();
  }

  /** Lets go of the list. */
  release(): void {
    this.#forgetReplay();
    if (this.#list) this.#context.snapshots.inUse.release(this.#list, this);
    this.#list = undefined;
  }

  step(_: number, meter: WorkMeter): StepResult {
    const reason = this.#readChanges(meter);
    if (reason === "done" || reason === "more" || reason === "wait") return reason;
    if (this.#replay) {
      this.#forgetReplay();
      // A list shows the present state: if not all of that is committed, it is made in a step of its own.
      if (!this.#context.isCommitted()) return "more";
    }
    const { snapshots } = this.#context;
    const list = snapshots.take(this.#request, meter);
    if (!list) return "wait";
    this.#list = list;
    if (list.parts > 1) snapshots.inUse.hold(list, this);
    // A short list is cut at once, by whom it is handed to.
    else if (this.#query.subscription.selection.fields) meter.work += list.length;
    this.#listener.found({ kind: "list", list, reason: this.#query.since && reason });
    return "done";
  }

  /** Reads what changed. Returns why there must be a snapshot instead, if there must. */
  #readChanges(meter: WorkMeter): SnapshotReason | StepResult {
    const { feed } = this.#context;
    const { since, subscription } = this.#query;
    if (!since) return "initial";
    if (since.epoch !== feed.epoch) return "epoch_changed";
    if (since.seq > feed.seq) return "position_ahead";
    if (this.#isExpired) return "position_expired";
    const { selection, mode } = subscription;
    if (!this.#replay && (mode === "latest" || isUnchangedSince(feed, selection, since.seq, meter))) {
      const range = changesSince(this.#context, selection, since.seq, meter);
      return range ? this.#found(range) : "position_expired";
    }
    this.#replay ??= new Replay(this.#context, selection, since.seq, since.seq);
    return this.#readLog(this.#replay, since.seq, meter);
  }

  #readLog(replay: Replay, from: number, meter: WorkMeter): SnapshotReason | StepResult {
    const { feed, logMemory } = this.#context;
    if (!logMemory.hasRoom(this)) return "wait";
    const found = replay.next(meter);
    if (found.kind === "later") return "wait";
    if (found.kind === "expired") return this.#expire();
    this.#ranges.push(...found.ranges);
    this.#bytes += bytesOfAll(found.ranges);
    // The open range may take two bytes a character.
    if (!logMemory.hold(this, this.#bytes + 2 * replay.openLength)) return this.#expire();
    if (!found.isEnd) return "more";
    const updates = this.#ranges.flatMap((range) => range.updates);
    return this.#found({ from, seq: feed.seq, time: feed.time, updates, skipped: 0 });
  }

  #expire(): SnapshotReason {
    this.#isExpired = true;
    return "position_expired";
  }

  #forgetReplay(): void {
    this.#context.logMemory.release(this);
    this.#ranges = [];
    this.#bytes = 0;
    this.#replay = undefined;
  }

  #found(range: UpdateRange): StepResult {
    this.#forgetReplay();
    this.#listener.found({
      kind: "update",
      at: { epoch: this.#context.feed.epoch, seq: range.seq },
      message: encodeUpdateMessage(range),
      isEmpty: range.updates.length === 0,
    });
    return "done";
  }
}

function bytesOfAll(ranges: readonly UpdateRange[]): number {
  let bytes = 0;
  for (const { updates } of ranges) for (const text of updates) bytes += bytesOf(text);
  return bytes;
}
