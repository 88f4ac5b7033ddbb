import { encodeUpdateMessage } from "../../../protocol/server-messages.ts";
import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Subscription } from "../../../protocol/subscription.ts";
import type { Position } from "../../../protocol/position.ts";
import type { FanoutLimits, Meter } from "../fanout-limits.ts";
import { bytesOf } from "../../state/entry.ts";
import type { Feed } from "../../state/feed.ts";
import type { Gathered } from "./log-memory.ts";
import type { Job, Step } from "./jobs.ts";
import type { Log } from "../../state/record.ts";
import { Replay } from "./replay.ts";
import { isUnchanged, latestState, type UpdateBatch } from "./changes-since.ts";
import type { FrozenList } from "./frozen-list.ts";
import type { Asked, Holder, Snapshots } from "./snapshots.ts";

/** What a reader gets: what changed, as one message; or a list, which it holds until it lets go of it. */
export type Found =
  | { readonly kind: "update"; readonly at: Position; readonly message: string; readonly isEmpty: boolean }
  | { readonly kind: "list"; readonly list: FrozenList; readonly reason: SnapshotReason | undefined };

/** Who waits for what is read. Told once. */
export interface Answer {
  /** Nothing where the feed is served no longer. */
  found(found: Found | undefined): void;
  failed(error: unknown): void;
}

/** Reads the feed once, in steps. */
export class Reader implements Job, Holder {
  readonly account: string;
  readonly #feed: Feed;
  readonly #log: Log;
  readonly #bounds: FanoutLimits;
  readonly #snapshots: Snapshots;
  readonly #gathered: Gathered;
  readonly #subscription: Subscription;
  readonly #since: Position | undefined;
  readonly #answer: Answer;
  #replay: Replay | undefined;
  #batches: UpdateBatch[] = [];
  /** What they take. */
  #bytes = 0;
  /** Whether the log cannot tell what changed, or there is no room for it. */
  #isExpired = false;
  #list: FrozenList | undefined;
  #wanted: Asked | undefined;
  #isGivenUp = false;
  #onGivenUp: (() => void) | undefined;

  constructor(
    account: string,
    all: { feed: Feed; log: Log; bounds: FanoutLimits; snapshots: Snapshots; gathered: Gathered },
    asked: { readonly subscription: Subscription; readonly since: Position | undefined },
    answer: Answer,
  ) {
    this.account = account;
    this.#feed = all.feed;
    this.#log = all.log;
    this.#bounds = all.bounds;
    this.#snapshots = all.snapshots;
    this.#gathered = all.gathered;
    this.#subscription = asked.subscription;
    this.#since = asked.since;
    this.#answer = answer;
  }

  get shows(): boolean {
    return !this.#replay || this.#replay.isAtEnd;
  }

  isReady(): boolean {
    if (this.#replay) return this.#gathered.mayAdd(this);
    return this.#snapshots.canTake(this.#asked());
  }

  fail(error: unknown): void {
    this.release();
    this.#answer.failed(error);
  }

  end(): void {
    this.release();
    this.#answer.found(undefined);
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#onGivenUp?.();
  }

  /** Says what to do when others need the room that its list takes. At once, where they do already. */
  whenGivenUp(act: () => void): void {
    this.#onGivenUp = act;
    if (this.#isGivenUp) act();
  }

  /** Lets go of what it holds. */
  release(): void {
    this.#forget();
    if (this.#list) this.#snapshots.release(this.#list, this);
    this.#list = undefined;
  }

  step(_: number, meter: Meter): Step {
    const reason = this.#read(meter);
    if (reason === "done" || reason === "more" || reason === "wait") return reason;
    const asked = this.#asked();
    const list = this.#snapshots.take(asked, meter);
    if (!list) return "wait";
    this.#list = list;
    this.#isGivenUp = false;
    if (list.parts > 1) this.#snapshots.hold(list, asked, this);
    // It was another's, and the first to go when room was made.
    if (this.#isGivenUp) return "wait";
    this.#answer.found({ kind: "list", list, reason: this.#since && reason });
    return "done";
  }

  /** Reads what changed; says why there has to be a snapshot where that cannot be told. */
  #read(meter: Meter): SnapshotReason | Step {
    const feed = this.#feed;
    const since = this.#since;
    if (!since) return "initial";
    if (this.#isExpired) return "position_expired";
    if (since.epoch !== feed.epoch) return "epoch_changed";
    if (since.seq > feed.seq) return "position_ahead";
    const { selection, mode } = this.#subscription;
    if (!this.#replay && (mode === "latest" || isUnchanged(feed, selection, since.seq, meter))) {
      const batch = latestState(feed, selection, since.seq, meter);
      return batch ? this.#tell(batch) : "position_expired";
    }
    const from = { from: since.seq, clearTo: since.seq };
    this.#replay ??= new Replay(feed, this.#log, selection, from, this.#bounds.partLength);
    if (!this.#gathered.mayAdd(this)) return "wait";
    const found = this.#replay.next(meter);
    if (found.kind === "expired") {
      this.#forget();
      this.#isExpired = true;
      return "position_expired";
    }
    this.#batches.push(...found.batches);
    this.#bytes += bytesOfAll(found.batches);
    // What is not a batch yet may take two bytes a character.
    if (!this.#gathered.has(this, this.#bytes + 2 * this.#replay.open)) {
      this.#forget();
      this.#isExpired = true;
      return "position_expired";
    }
    if (!found.isEnd) return "more";
    const updates = this.#batches.flatMap((batch) => batch.updates);
    return this.#tell({ from: since.seq, seq: feed.seq, time: feed.time, updates, skipped: 0 });
  }

  /** Forgets what was read of the log. */
  #forget(): void {
    this.#gathered.release(this);
    this.#batches = [];
    this.#bytes = 0;
    this.#replay = undefined;
  }

  #tell(batch: UpdateBatch): "done" {
    const at = { epoch: this.#feed.epoch, seq: batch.seq };
    this.#forget();
    this.#answer.found({
      kind: "update",
      at,
      message: encodeUpdateMessage(batch),
      isEmpty: batch.updates.length === 0,
    });
    return "done";
  }

  #asked(): Asked {
    this.#wanted ??= { account: this.account, selection: this.#subscription.selection };
    return this.#wanted;
  }
}

function bytesOfAll(batches: readonly UpdateBatch[]): number {
  let bytes = 0;
  for (const { updates } of batches) for (const text of updates) bytes += bytesOf(text);
  return bytes;
}
