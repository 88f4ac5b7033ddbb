import type { UpdateIssue } from "../../protocol/codes.ts";
import { FEED_LIMITS, LIMITS } from "../../protocol/limits.ts";
import { isAscii, ownText } from "../../protocol/json-scan.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import type { Position } from "../../protocol/position.ts";
import { encodeDelete, withTtl, type EncodedUpdates } from "../../protocol/update.ts";
import { AcceptedUpdate } from "./accepted-update.ts";
import { BatchDraft } from "./batch-draft.ts";
import { Entries } from "./entries.ts";
import type { Entry, EntryState } from "./entry.ts";
import { ExpiryQueue } from "./expiry.ts";
import type { FeedRules } from "./feed-rules.ts";
import { readRecord, seqAfter, type LogRecord } from "./record.ts";

/** What `accept` did with a batch. `record` must be committed before anything of it is shown; undefined if all was stale. */
export type Acceptance =
  | { ok: true; receipt: Receipt; record: LogRecord | undefined }
  | { ok: false; code: "feed_full"; detail: string }
  | { ok: false; code: "invalid_update"; issues: UpdateIssue[] };

/** What a feed is restored from, besides its entries. */
export interface RestoredFeed extends Position {
  /** When the last update was accepted, in milliseconds since 1970. */
  readonly time: number;
  /** Deletions up to this seq may have been forgotten. */
  readonly forgotten: number;
}

/**
 * The state of one feed and the rules by which it changes. Pure: storage, sockets and clocks are outside. Every change
 * but a reset is returned as a record; a feed restored from its records is the same feed.
 */
export class Feed {
  readonly #rules: FeedRules;
  #epoch: string;
  #seq: number;
  #time: number;
  #entries: Entries;
  #expiry = new ExpiryQueue<Entry>();

  constructor(state: RestoredFeed, rules: FeedRules = FEED_LIMITS) {
    this.#rules = rules;
    this.#epoch = state.epoch;
    this.#seq = state.seq;
    this.#time = state.time;
    this.#entries = new Entries(state.forgotten);
  }

  static begin(epoch: string, rules?: FeedRules): Feed {
    return new Feed({ epoch, seq: 0, time: 0, forgotten: 0 }, rules);
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

  get expiring(): number {
    return this.#expiry.size;
  }

  /** Accepts a batch as a whole, or refuses it. Stale updates are counted and left out. `now`: milliseconds since 1970. */
  accept(texts: EncodedUpdates, now: number): Acceptance {
    const batch = new BatchDraft(this.#entries, texts.every(isAscii));
    const accepted: AcceptedUpdate[] = [];
    for (const [index, text] of texts.entries()) {
      const update = this.#read(text, this.#seq + 1 + accepted.length);
      if (isStale(update, batch.stateOf(update.key))) continue;
      batch.add(update, index, now);
      accepted.push(update);
    }
    const issues = batch.computeValues(this.#rules.check);
    if (issues.length > 0) return { ok: false, code: "invalid_update", issues };
    const detail = batch.overLimit(this.#rules);
    if (detail !== undefined) return { ok: false, code: "feed_full", detail };
    const record = accepted.length > 0 ? { from: this.#seq, time: now, updates: accepted } : undefined;
    if (record) this.#apply(batch, record);
    const receipt = { ...this.position, accepted: accepted.length, stale: texts.length - accepted.length };
    return { ok: true, receipt, record };
  }

  /** Reads an update, with the time that its entry lives written into it if it does not say that itself. */
  #read(text: string, seq: number): AcceptedUpdate {
    const update = new AcceptedUpdate(text, seq);
    const { ttl } = this.#rules;
    if (ttl === undefined || update.ttl !== undefined || update.change === "delete") return update;
    return new AcceptedUpdate(withTtl(text, ttl), seq);
  }

  /** Deletes up to `most` expired entries as one batch; undefined if none. `nextExpiry` tells whether more are left. */
  expire(now: number, most: number = LIMITS.batchUpdates): LogRecord | undefined {
    return this.#delete(this.#expiry.due(now, most), now);
  }

  /** Deletes a batch's expired keys, when more have expired than are deleted at once: no patch may revive one. */
  expireKeys(texts: EncodedUpdates, now: number): LogRecord | undefined {
    const due = new Set<Entry>();
    for (const text of texts) {
      const entry = this.#entries.get(new AcceptedUpdate(text, 0).key);
      if (entry?.expires !== undefined && entry.expires <= now) due.add(entry);
    }
    return this.#delete(due, now);
  }

  #delete(entries: Iterable<Entry>, now: number): LogRecord | undefined {
    const texts: EncodedUpdates = [];
    for (const { key } of entries) texts.push(encodeDelete(key));
    if (texts.length === 0) return undefined;
    const record = readRecord(this.#seq, now, texts);
    this.apply([record]);
    return record;
  }

  /** Applies records accepted before, once all entries are restored. Skips what the restored entries already have. */
  apply(records: Iterable<LogRecord>): void {
    const batch = new BatchDraft(this.#entries, false);
    let last: LogRecord | undefined;
    for (const record of records) {
      for (const accepted of record.updates) {
        const known = batch.stateOf(accepted.key);
        if (known === undefined || known.seq < accepted.seq) batch.add(accepted, 0, record.time);
      }
      last = record;
    }
    batch.computeValues();
    if (last) this.#apply(batch, last);
    this.#entries.bringInOrder();
  }

  /** No entries, seq 0, a new epoch. */
  reset(epoch: string): void {
    this.#epoch = epoch;
    this.#seq = 0;
    this.#time = 0;
    this.#entries = new Entries();
    this.#expiry = new ExpiryQueue();
  }

  /** Restores an entry or tombstone, unless a newer one is there. `isNarrow`: its text is part of an ASCII string. */
  restore({ key, seq, time, version, expires, text }: RestoredEntry, isNarrow = false): void {
    const known = this.#entries.recall(key);
    if (known && known.seq >= seq) return;
    const state = {
      seq,
      time,
      version,
      expires: expires === undefined ? undefined : Math.ceil(expires),
      text: text === undefined ? undefined : ownText(text, isNarrow),
      isNarrow: isNarrow || text === undefined || isAscii(text),
    };
    this.#expiry.update(this.#entries.put(key, state, known));
  }

  #apply(batch: BatchDraft, record: LogRecord): void {
    batch.apply((entry) => this.#expiry.update(entry));
    this.#seq = seqAfter(record);
    this.#time = record.time;
  }
}

/** Whether the key already has a version that is not below the update's. */
function isStale({ version }: AcceptedUpdate, known: EntryState | undefined): boolean {
  return version !== undefined && known?.version !== undefined && version <= known.version;
}

/** An entry as it is stored. */
export type RestoredEntry = Omit<EntryState, "isNarrow"> & { readonly key: string };
