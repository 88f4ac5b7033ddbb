import type { Mode } from "../../../protocol/codes.ts";
import { ownText } from "../../../protocol/json-scan.ts";
import type { Entries } from "../../state/entries.ts";
import { Merged } from "./merged-update.ts";
import type { AcceptedUpdate } from "../../state/record.ts";
import { encodeState } from "../catch-up/changes-since.ts";

/** An update that waits for one group or for many: it is held in memory once. */
export class Shared {
  readonly accepted: AcceptedUpdate;
  readonly weight: number;
  /** Groups that it waits for. */
  holders = 0;

  constructor(accepted: AcceptedUpdate) {
    this.accepted = accepted;
    // Its text, and what was read from it: some three times as much.
    this.weight = 200 + 4 * accepted.text.length;
  }
}

/** What waits in memory for all groups of a feed. */
export class Held {
  /** About. */
  bytes = 0;

  take(shared: Shared): void {
    if (shared.holders++ === 0) this.bytes += shared.weight;
  }

  release(shared: Shared): void {
    if (--shared.holders === 0) this.bytes -= shared.weight;
  }
}

/** What may still be composed, in characters. */
export interface Room {
  left: number;
}

/** Updates that wait to be sent to one group of subscribers. */
export interface Pending {
  /** What is held in memory. */
  readonly size: number;
  /** Updates added since the last `clear`. */
  readonly added: number;
  /** About what it would take alone. */
  readonly bytes: number;
  /** Whether it holds all that was added. If not it holds nothing, and takes nothing before it is cleared. */
  readonly isWhole: boolean;
  /** Adds an update, unless there is no room to compose it with what waits. */
  add(shared: Shared, room: Room): void;
  /** What a subscriber who has everything up to `from` has to get, as canonical JSON. */
  after(from: number, entries: Entries): string[];
  clear(): void;
}

export function pendingOf(mode: Mode, held: Held): Pending {
  return mode === "all" ? new PendingAll(held) : new PendingLatest(held);
}

/** An item of a list. */
const SLOT = 16;

/** `mode=all`: every update, in order. */
class PendingAll implements Pending {
  readonly isWhole = true;
  readonly #held: Held;
  #updates: Shared[] = [];
  #weight = 0;

  constructor(held: Held) {
    this.#held = held;
  }

  get size(): number {
    return this.#updates.length;
  }

  get added(): number {
    return this.#updates.length;
  }

  get bytes(): number {
    return this.#weight + this.#updates.length * SLOT;
  }

  add(shared: Shared): void {
    this.#held.take(shared);
    this.#held.bytes += SLOT;
    this.#weight += shared.weight;
    this.#updates.push(shared);
  }

  after(from: number): string[] {
    const updates: string[] = [];
    for (const { accepted } of this.#updates) if (accepted.seq > from) updates.push(accepted.text);
    return updates;
  }

  clear(): void {
    this.#held.bytes -= this.#updates.length * SLOT;
    for (const shared of this.#updates) this.#held.release(shared);
    this.#updates = [];
    this.#weight = 0;
  }
}

/** The updates of one key that wait together. */
interface Waiting {
  /** Seq of the first. */
  readonly first: number;
  last: Shared;
  count: number;
  /** What they do together, where there are several. */
  merged: Merged | undefined;
}

/** A key with what is noted of it. */
const KEY = 150;

/** `mode=latest`: one update a key, whatever came in. Holds at most one item a key. */
class PendingLatest implements Pending {
  readonly #held: Held;
  readonly #byKey = new Map<string, Waiting>();
  #added = 0;
  #weight = 0;
  /** Bytes that are this group's alone. */
  #own = 0;
  isWhole = true;

  constructor(held: Held) {
    this.#held = held;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get added(): number {
    return this.#added;
  }

  get bytes(): number {
    return this.#weight + this.#own;
  }

  add(shared: Shared, room: Room): void {
    if (!this.isWhole) return;
    this.#added++;
    this.#held.take(shared);
    this.#weight += shared.weight;
    const { accepted } = shared;
    const { key } = accepted;
    const waiting = this.#byKey.get(key);
    if (!waiting) {
      // It may be a part of the text, which need not be kept as long.
      this.#byKey.set(ownText(key, true), { first: accepted.seq, last: shared, count: 1, merged: undefined });
      this.#takeOwn(KEY);
      return;
    }
    const before = waiting.merged?.bytes ?? 0;
    waiting.merged ??= new Merged(waiting.last.accepted);
    const cost = waiting.merged.costOf(accepted);
    if (cost > 0 && room.left <= 0) {
      this.#held.release(shared);
      this.clear();
      this.isWhole = false;
      return;
    }
    room.left -= cost;
    waiting.merged.add(accepted);
    this.#takeOwn(waiting.merged.bytes - before);
    this.#held.release(waiting.last);
    this.#weight -= waiting.last.weight;
    waiting.last = shared;
    waiting.count++;
  }

  after(from: number, entries: Entries): string[] {
    const updates: string[] = [];
    for (const [key, waiting] of this.#byKey) {
      const { accepted } = waiting.last;
      if (accepted.seq <= from) continue;
      if (!waiting.merged) {
        updates.push(accepted.text);
        continue;
      }
      // Whoever came in between these updates has some of them already, and is told the state instead.
      const merged = waiting.first > from ? waiting.merged.text : undefined;
      const entry = merged === undefined ? entries.recall(key) : undefined;
      updates.push(merged ?? (entry ? encodeState(entry) : accepted.text));
    }
    return updates;
  }

  clear(): void {
    for (const { last } of this.#byKey.values()) this.#held.release(last);
    this.#byKey.clear();
    this.#takeOwn(-this.#own);
    this.isWhole = true;
    this.#added = 0;
    this.#weight = 0;
  }

  #takeOwn(bytes: number): void {
    this.#own += bytes;
    this.#held.bytes += bytes;
  }
}
