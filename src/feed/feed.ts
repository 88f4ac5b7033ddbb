import type { UpdateIssue } from "../protocol/codes.ts";
import { FEED_LIMITS, LIMITS, type FeedLimits } from "../protocol/limits.ts";
import type { Receipt } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { encodeDelete, type EncodedUpdates } from "../protocol/update.ts";
import { Batch } from "./batch.ts";
import { Entries } from "./entries.ts";
import { ExpiryQueue } from "./expiry.ts";
import { readRecord, seqAfter, type AcceptedUpdate, type LogRecord } from "./record.ts";

/** What became of a batch. `record` is to be made durable before anyone is told; there is none where all was stale. */
export type Admission =
  | { ok: true; receipt: Receipt; record: LogRecord | undefined }
  | { ok: false; code: "feed_full"; detail: string }
  | { ok: false; code: "invalid_update"; issues: UpdateIssue[] };

/** What a feed is restored from, beside its entries. */
export interface FeedState extends Position {
  /** When the last update was accepted, in milliseconds since 1970. */
  readonly time: number;
  /** Deletions up to this seq may have been forgotten. */
  readonly forgotten: number;
}

/**
 * The state of one feed and the rules by which it changes. Pure: storage, sockets and clocks are outside. Every
 * change is returned as a record; a feed restored from its records is the same feed.
 */
export class Feed {
  readonly #limits: FeedLimits;
  #epoch: string;
  #seq: number;
  #time: number;
  #entries: Entries;
  #expiry = new ExpiryQueue();

  constructor(state: FeedState, limits: FeedLimits = FEED_LIMITS) {
    this.#limits = limits;
    this.#epoch = state.epoch;
    this.#seq = state.seq;
    this.#time = state.time;
    this.#entries = new Entries(state.forgotten);
  }

  /** A feed that begins, or begins anew. */
  static begin(epoch: string, limits?: FeedLimits): Feed {
    return new Feed({ epoch, seq: 0, time: 0, forgotten: 0 }, limits);
  }

  get epoch(): string {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  get position(): Position {
    return { epoch: this.#epoch, seq: this.#seq };
  }

  /** When the last update was accepted, in milliseconds since 1970; 0 before the first. */
  get time(): number {
    return this.#time;
  }

  get entries(): Entries {
    return this.#entries;
  }

  /** The earliest time at which an entry may expire. */
  get nextExpiry(): number | undefined {
    return this.#expiry.next;
  }

  /** Times to die that are kept in memory: at most a few times the entries. */
  get waitingToExpire(): number {
    return this.#expiry.size;
  }

  /** Takes a batch, all of it or none. Stale updates are counted and left out. `now` is in milliseconds since 1970. */
  admit(texts: EncodedUpdates, now: number): Admission {
    const batch = new Batch(this.#entries);
    const offered = readRecord(this.#seq, now, texts);
    const accepted: AcceptedUpdate[] = [];
    const issues: UpdateIssue[] = [];
    for (const [index, { update, text }] of offered.updates.entries()) {
      if (batch.isStale(update)) continue;
      const seq = this.#seq + 1 + accepted.length;
      const issue = batch.add(update, seq, text.length, now);
      if (issue) issues.push({ index, ...issue });
      accepted.push({ seq, text, update });
      if (issues.length === LIMITS.reportedIssues) break;
    }
    if (issues.length > 0) return { ok: false, code: "invalid_update", issues };
    const detail = batch.overLimit(this.#limits);
    if (detail !== undefined) return { ok: false, code: "feed_full", detail };
    const record = accepted.length > 0 ? { from: this.#seq, time: now, updates: accepted } : undefined;
    if (record) this.#carryOut(batch, record);
    const receipt = { ...this.position, accepted: accepted.length, stale: texts.length - accepted.length };
    return { ok: true, receipt, record };
  }

  /** Deletes every entry whose time has passed, as one batch. */
  expire(now: number): LogRecord | undefined {
    const texts: EncodedUpdates = [];
    for (const { at, key } of this.#expiry.due(now)) {
      if (this.#entries.get(key)?.expires === at) texts.push(encodeDelete(key));
    }
    if (texts.length === 0) return undefined;
    const record = readRecord(this.#seq, now, texts);
    this.replay(record);
    return record;
  }

  /** Carries out a record that was accepted before. */
  replay(record: LogRecord): void {
    const batch = new Batch(this.#entries);
    for (const { update, text, seq } of record.updates) batch.add(update, seq, text.length, record.time);
    this.#carryOut(batch, record);
  }

  /** Begins anew: no entries, seq 0, another epoch. */
  reset(epoch: string): void {
    this.#epoch = epoch;
    this.#seq = 0;
    this.#time = 0;
    this.#entries = new Entries();
    this.#expiry = new ExpiryQueue();
  }

  /** Puts back one entry, live or deleted; the one that changed longest ago comes first. */
  restore(entry: RestoredEntry): void {
    this.#entries.touch(entry.key, entry.seq, (restored) => {
      if (entry.text === undefined) restored.clearValue();
      else restored.setText(entry.text);
      restored.time = entry.time;
      restored.version = entry.version;
      restored.expires = entry.expires;
    });
    if (entry.expires !== undefined) this.#expiry.add(entry.expires, entry.key);
  }

  #carryOut(batch: Batch, record: LogRecord): void {
    batch.apply((at, key) => this.#expiry.add(at, key));
    this.#seq = seqAfter(record);
    this.#time = record.time;
    if (this.#expiry.size > 2 * this.#entries.size + 16) {
      this.#expiry.compact(({ at, key }) => this.#entries.get(key)?.expires === at);
    }
  }
}

export interface RestoredEntry {
  readonly key: string;
  readonly seq: number;
  readonly time: number | undefined;
  readonly version: number | undefined;
  readonly expires: number | undefined;
  /** The value as JSON; nothing where the key was deleted. */
  readonly text: string | undefined;
}
