import { bytesOf } from "../../state/entry.ts";
import type { LogRecord } from "../../state/record.ts";
import type { FrozenList, ListReader } from "./frozen-list.ts";

/** The frozen lists that are being read, and the memory that they take and keep alive. */
export class ListsInUse {
  readonly #limit: number;
  /** The oldest comes first. */
  readonly #lists = new Set<FrozenList>();
  #changes = 0;

  /** `limit`: bytes of all lists. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#lists.size;
  }

  /** How often a list came into use or went out of it. */
  get changes(): number {
    return this.#changes;
  }

  get bytes(): number {
    let bytes = 0;
    for (const list of this.#lists) bytes += list.bytes;
    return bytes;
  }

  has(id: string): boolean {
    for (const list of this.#lists) if (list.id === id) return true;
    return false;
  }

  /** The newest list made for `id` in this epoch, if it is of `seq` or later. */
  newest(id: string, epoch: string, seq: number): FrozenList | undefined {
    let newest: FrozenList | undefined;
    for (const list of this.#lists) {
      if (list.id === id && list.epoch === epoch && list.seq >= seq) newest = list;
    }
    return newest;
  }

  /** How many lists were made for an account. */
  countOf(account: string): number {
    let lists = 0;
    for (const list of this.#lists) if (list.account === account) lists++;
    return lists;
  }

  /** Notes that a reader begins with a list. May give up other lists for it. */
  hold(list: FrozenList, reader: ListReader): void {
    if (!this.#lists.has(list)) this.#changes++;
    this.#lists.add(list);
    list.readers.add(reader);
    this.#makeRoom(list);
  }

  release(list: FrozenList, reader: ListReader): void {
    list.readers.delete(reader);
    if (list.readers.size === 0) this.#remove(list);
  }

  /** Notes updates of the feed: what they replace is kept alive by the lists alone. May give up lists. */
  deliver(records: readonly LogRecord[]): void {
    if (this.#lists.size === 0) return;
    let average = 0;
    for (const { sharedBytes, size } of this.#lists) average = Math.max(average, sharedBytes / Math.max(1, size));
    for (const { updates } of records) {
      // The replaced text is not known any more: an estimate from the new text and the average entry.
      for (const { text } of updates) this.#keep(Math.max(bytesOf(text), average));
    }
    this.#makeRoom();
  }

  /** Gives up lists while all take too much: of the account that has most, the oldest first. One list is always kept. */
  #makeRoom(spared?: FrozenList): void {
    while (this.#lists.size > 1 && this.bytes > this.#limit) {
      const list = this.#firstToGo(spared);
      if (!list) return;
      this.#remove(list);
      for (const reader of list.readers) reader.onListGivenUp();
    }
  }

  #firstToGo(spared: FrozenList | undefined): FrozenList | undefined {
    const byAccount = new Map<string, number>();
    for (const { account, bytes } of this.#lists) byAccount.set(account, (byAccount.get(account) ?? 0) + bytes);
    let first: FrozenList | undefined;
    let most = -1;
    for (const list of this.#lists) {
      const bytes = byAccount.get(list.account) ?? 0;
      if (list === spared || bytes <= most) continue;
      first = list;
      most = bytes;
    }
    return first;
  }

  /** Adds bytes that only lists keep alive: to the newest lists first, and to none more than it shared with the feed. */
  #keep(bytes: number): void {
    let left = bytes;
    for (const list of [...this.#lists].toReversed()) {
      if (left <= 0) return;
      const more = Math.min(left, list.sharedBytes - list.keptBytes);
      list.keptBytes += more;
      left -= more;
    }
  }

  #remove(list: FrozenList): void {
    if (!this.#lists.delete(list)) return;
    this.#changes++;
    // Other lists may keep the same alive.
    this.#keep(list.keptBytes);
  }
}
