import { bytesOf } from "../../state/entry.ts";
import type { LogRecord } from "../../state/record.ts";
import type { FrozenList } from "./frozen-list.ts";

/** Reads a frozen list, part by part. */
export interface ListReader {
  readonly account: string;
  /** The list was given up, because others need its memory. The reader must end. */
  onListGivenUp(): void;
}

/** A frozen list that is being read. */
interface ListInUse {
  readonly list: FrozenList;
  /** What it was made for. */
  readonly id: string;
  /** The account that asked for it first. */
  readonly account: string;
  readonly readers: Set<ListReader>;
  /** Bytes that the feed has replaced and that only lists keep alive. Each byte is counted for one list. */
  keptBytes: number;
}

/** The frozen lists that are being read, and the memory that they take and keep alive. */
export class ListsInUse {
  readonly #limit: number;
  /** The oldest comes first. */
  readonly #lists = new Map<FrozenList, ListInUse>();
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
    for (const { list, keptBytes } of this.#lists.values()) bytes += list.ownBytes + keptBytes;
    return bytes;
  }

  has(id: string): boolean {
    for (const inUse of this.#lists.values()) if (inUse.id === id) return true;
    return false;
  }

  /** The newest list made for `id` in this epoch, if it is of `seq` or later. */
  newest(id: string, epoch: string, seq: number): FrozenList | undefined {
    let newest: FrozenList | undefined;
    for (const { id: itsId, list } of this.#lists.values()) {
      if (itsId === id && list.epoch === epoch && list.seq >= seq) newest = list;
    }
    return newest;
  }

  /** How many lists were made for an account. */
  countOf(account: string): number {
    let lists = 0;
    for (const inUse of this.#lists.values()) if (inUse.account === account) lists++;
    return lists;
  }

  /** Notes that a reader begins with a list. May give up other lists for it. */
  hold(list: FrozenList, id: string, reader: ListReader, account: string): void {
    let inUse = this.#lists.get(list);
    if (!inUse) {
      inUse = { list, id, account, readers: new Set(), keptBytes: 0 };
      this.#lists.set(list, inUse);
      this.#changes++;
    }
    inUse.readers.add(reader);
    this.#makeRoom(inUse);
  }

  release(list: FrozenList, reader: ListReader): void {
    const inUse = this.#lists.get(list);
    inUse?.readers.delete(reader);
    if (inUse?.readers.size === 0) this.#remove(inUse);
  }

  /** Notes updates of the feed: what they replace is kept alive by the lists alone. May give up lists. */
  deliver(records: readonly LogRecord[]): void {
    if (this.#lists.size === 0) return;
    let average = 0;
    for (const { list } of this.#lists.values()) {
      average = Math.max(average, list.sharedBytes / Math.max(1, list.size));
    }
    for (const { updates } of records) {
      // The replaced text is not known any more: an estimate from the new text and the average entry.
      for (const { text } of updates) this.#keep(Math.max(bytesOf(text), average));
    }
    this.#makeRoom();
  }

  /** Gives up lists while all take too much: of the account that has most, the oldest first. One list is always kept. */
  #makeRoom(spared?: ListInUse): void {
    while (this.#lists.size > 1 && this.bytes > this.#limit) {
      const inUse = this.#firstToGo(spared);
      if (!inUse) return;
      this.#remove(inUse);
      for (const reader of inUse.readers) reader.onListGivenUp();
    }
  }

  #firstToGo(spared: ListInUse | undefined): ListInUse | undefined {
    const byAccount = new Map<string, number>();
    for (const { account, list, keptBytes } of this.#lists.values()) {
      byAccount.set(account, (byAccount.get(account) ?? 0) + list.ownBytes + keptBytes);
    }
    let first: ListInUse | undefined;
    let most = -1;
    for (const inUse of this.#lists.values()) {
      const bytes = byAccount.get(inUse.account) ?? 0;
      if (inUse === spared || bytes <= most) continue;
      first = inUse;
      most = bytes;
    }
    return first;
  }

  /** Counts bytes that are kept alive, for the newest lists that may be what keeps them. */
  #keep(bytes: number): void {
    let left = bytes;
    for (const inUse of [...this.#lists.values()].toReversed()) {
      if (left <= 0) return;
      const more = Math.min(left, inUse.list.sharedBytes - inUse.keptBytes);
      inUse.keptBytes += more;
      left -= more;
    }
  }

  #remove(inUse: ListInUse): void {
    if (!this.#lists.delete(inUse.list)) return;
    this.#changes++;
    // Other lists may keep the same alive.
    this.#keep(inUse.keptBytes);
  }
}
