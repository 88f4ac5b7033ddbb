import { ownText } from "../../../protocol/json-scan.ts";
import type { Subscription } from "../../../protocol/selection.ts";
import type { Entries } from "../../state/entries.ts";
import { encodeEntry } from "../../state/entry.ts";
import { cutUpdate, type AcceptedUpdate, type CutValue } from "../../state/accepted-update.ts";
import { MergedUpdate } from "./merged-update.ts";

/** An update that waits for one group or for many. It is in memory once. */
export class PendingUpdate {
  readonly update: AcceptedUpdate;
  /** Bytes of memory, about. */
  readonly bytes: number;
  /** Groups that it waits for. */
  groups = 0;

  constructor(update: AcceptedUpdate) {
    this.update = update;
    // Its text, and what was read from it: some three times as much.
    this.bytes = 200 + 4 * update.text.length;
  }
}

/** The memory of what waits for all groups of a feed. */
export class PendingMemory {
  /** About. */
  bytes = 0;

  hold(pending: PendingUpdate): void {
    if (pending.groups++ === 0) this.bytes += pending.bytes;
  }

  release(pending: PendingUpdate): void {
    if (--pending.groups === 0) this.bytes -= pending.bytes;
  }
}

/** Characters of patches that may still be composed. */
export interface Allowance {
  left: number;
}

/** The updates that wait to be sent to one group. With `mode=latest`, the updates of one key are merged (conflation). */
export interface Pending {
  /** Items in memory. */
  readonly size: number;
  /** Updates added since the last `clear`. */
  readonly added: number;
  /** Bytes of memory, about, as if no other group waited for the same. */
  readonly bytes: number;
  /** False once an update could not be composed. It then holds nothing, and takes nothing before `clear`. */
  readonly isComplete: boolean;
  add(pending: PendingUpdate, allowance: Allowance): void;
  /** The updates for a subscriber that has everything up to `seq`, as canonical JSON, with values cut if need be. */
  after(seq: number, entries: Entries, cut?: CutValue): string[];
  clear(): void;
}

export function pendingFor({ mode }: Subscription, memory: PendingMemory): Pending {
  return mode === "all" ? new PendingAll(memory) : new PendingLatest(memory);
}

/** Bytes of a list item. */
const ITEM_BYTES = 16;

/** `mode=all`: every update, in order. */
class PendingAll implements Pending {
  readonly isComplete = true;
  readonly #memory: PendingMemory;
  #updates: PendingUpdate[] = [];
  #bytes = 0;

  constructor(memory: PendingMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#updates.length;
  }

  get added(): number {
    return this.#updates.length;
  }

  get bytes(): number {
    return this.#bytes + this.#updates.length * ITEM_BYTES;
  }

  add(pending: PendingUpdate): void {
    this.#memory.hold(pending);
    this.#memory.bytes += ITEM_BYTES;
    this.#bytes += pending.bytes;
    this.#updates.push(pending);
  }

  after(seq: number, _: Entries, cut?: CutValue): string[] {
    const updates: string[] = [];
    for (const { update } of this.#updates) {
      if (update.seq > seq) updates.push(cut ? update.cutBy(cut) : update.text);
    }
    return updates;
  }

  clear(): void {
    this.#memory.bytes -= this.#updates.length * ITEM_BYTES;
    for (const pending of this.#updates) this.#memory.release(pending);
    this.#updates = [];
    this.#bytes = 0;
  }
}

/** The updates of one key that wait together. */
interface Conflated {
  /** Seq of the first. */
  readonly firstSeq: number;
  last: PendingUpdate;
  /** What they do together; undefined while there is only one. */
  merged: MergedUpdate | undefined;
}

/** Bytes of a key with its `Conflated`. */
const KEY_BYTES = 150;

/** `mode=latest`: at most one update a key, whatever came in. */
class PendingLatest implements Pending {
  readonly #memory: PendingMemory;
  readonly #byKey = new Map<string, Conflated>();
  added = 0;
  #sharedBytes = 0;
  /** Bytes that no other group shares. */
  #ownBytes = 0;
  isComplete = true;

  constructor(memory: PendingMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get bytes(): number {
    return this.#sharedBytes + this.#ownBytes;
  }

  add(pending: PendingUpdate, allowance: Allowance): void {
    if (!this.isComplete) return;
    this.added++;
    const { update } = pending;
    const { key } = update;
    const conflated = this.#byKey.get(key);
    if (!conflated) {
      this.#hold(pending);
      // A copy: the key may be a part of the update's text, and would keep that in memory.
      this.#byKey.set(ownText(key, true), { firstSeq: update.seq, last: pending, merged: undefined });
      this.#countOwn(KEY_BYTES);
      return;
    }
    const before = conflated.merged?.bytes ?? 0;
    conflated.merged ??= new MergedUpdate(conflated.last.update);
    const cost = conflated.merged.costOf(update);
    if (cost > 0 && allowance.left <= 0) {
      this.clear();
      this.isComplete = false;
      return;
    }
    allowance.left -= cost;
    conflated.merged.add(update);
    this.#countOwn(conflated.merged.bytes - before);
    this.#hold(pending);
    this.#release(conflated.last);
    conflated.last = pending;
  }

  after(seq: number, entries: Entries, cut?: CutValue): string[] {
    const updates: string[] = [];
    for (const [key, { firstSeq, last, merged }] of this.#byKey) {
      const { update } = last;
      if (update.seq <= seq) continue;
      if (!merged) {
        updates.push(cut ? update.cutBy(cut) : update.text);
        continue;
      }
      // A subscriber that has some of these updates already gets the key's present state instead.
      const text = firstSeq > seq ? merged.text : undefined;
      const entry = text === undefined ? entries.recall(key) : undefined;
      if (entry) updates.push(encodeEntry(entry, cut));
      else updates.push(cut ? cutUpdate(text ?? update.text, cut) : (text ?? update.text));
    }
    return updates;
  }

  clear(): void {
    for (const { last } of this.#byKey.values()) this.#memory.release(last);
    this.#byKey.clear();
    this.#countOwn(-this.#ownBytes);
    this.isComplete = true;
    this.added = 0;
    this.#sharedBytes = 0;
  }

  #hold(pending: PendingUpdate): void {
    this.#memory.hold(pending);
    this.#sharedBytes += pending.bytes;
  }

  #release(pending: PendingUpdate): void {
    this.#memory.release(pending);
    this.#sharedBytes -= pending.bytes;
  }

  #countOwn(bytes: number): void {
    this.#ownBytes += bytes;
    this.#memory.bytes += bytes;
  }
}
