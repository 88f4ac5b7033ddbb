import { encodeSnapshotPart } from "../../../protocol/server-messages.ts";
import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Selection } from "../../../protocol/selection.ts";
import { costOf, type FanoutLimits, type Meter } from "../fanout-limits.ts";
import { EncodedCache } from "./encoded-cache.ts";
import { bytesOf } from "../../state/entry.ts";
import type { Feed } from "../../state/feed.ts";
import type { AcceptedUpdate } from "../../state/record.ts";
import { FrozenList, SLOT } from "./frozen-list.ts";

/** Who reads a list, part by part. */
export interface Holder {
  readonly account: string;
  /** The list is needed no longer than others are: its readers have to come anew. */
  giveUp(): void;
}

/** Kept by whoever waits for it, with what was found out. */
export interface Asked {
  readonly account: string;
  readonly selection: Selection;
  /** Leaves out what this selects. */
  readonly except?: Selection | undefined;
  /** The list may be of a moment before now, but only after this; none given means that it may not. */
  readonly since?: number | undefined;
  /** How many entries it may have, once that is known. */
  most?: number | undefined;
  /** How often the lists in use had changed when there was none for it. */
  refusedAt?: number;
}

interface Held {
  readonly list: FrozenList;
  readonly id: string;
  /** Who asked for it first. */
  readonly account: string;
  readonly holders: Set<Holder>;
  /** Bytes that only lists still need: texts which have been replaced in the feed. Each is counted for one list. */
  kept: number;
}

/**
 * The frozen lists that are being read. All who want the same at one moment read one list; and when there is no room for
 * another, whoever comes reads one that others read, and is told afterwards what has changed since.
 */
export class Snapshots {
  readonly #feed: Feed;
  readonly #bounds: FanoutLimits;
  /** In order of making. */
  readonly #held = new Map<FrozenList, Held>();
  readonly #encoded: EncodedCache;
  /** How often a list came into use, or went out of it. */
  #changes = 0;

  constructor(feed: Feed, bounds: FanoutLimits) {
    this.#feed = feed;
    this.#bounds = bounds;
    this.#encoded = new EncodedCache();
  }

  /** Lists in use. */
  get size(): number {
    return this.#held.size;
  }

  /** A list of what is asked for; nothing where there is no room for it, for now. */
  take(asked: Asked, meter: Meter): FrozenList | undefined {
    const wasMeasured = asked.most !== undefined;
    const known = this.#find(asked);
    const mayMake = known !== undefined || this.#mayMake(asked);
    if (!wasMeasured && asked.most !== undefined) meter.work += costOf(asked.selection);
    if (known) return known;
    if (!mayMake) {
      asked.refusedAt = this.#changes;
      return undefined;
    }
    return new FrozenList(this.#feed, asked.selection, asked.except, this.#bounds.partLength, meter);
  }

  /** Whether it is worth while to ask again, after there was none. Costs next to nothing while nothing has changed. */
  canTake(asked: Asked): boolean {
    if (this.#isShort) return true;
    if (asked.refusedAt === this.#changes) return false;
    asked.refusedAt = this.#changes;
    return this.#ofAccount(asked.account) < this.#bounds.frozenPerAccount || this.#isHeld(idOf(asked));
  }

  /** Notes that a list is read by somebody, for as long as it takes. Makes room for it. */
  hold(list: FrozenList, asked: Asked, holder: Holder): void {
    let held = this.#held.get(list);
    if (!held) {
      held = { list, id: idOf(asked), account: asked.account, holders: new Set(), kept: 0 };
      this.#held.set(list, held);
      this.#changes++;
    }
    held.holders.add(holder);
    this.makeRoom(held);
  }

  release(list: FrozenList, holder: Holder): void {
    const held = this.#held.get(list);
    held?.holders.delete(holder);
    if (held?.holders.size === 0) this.#remove(held);
  }

  /** Notes an update: what it replaces is now kept by the lists alone. */
  note({ text }: AcceptedUpdate): void {
    let average = 0;
    for (const { list } of this.#held.values()) average = Math.max(average, list.shared / Math.max(1, list.size));
    // What stood there is not known any more: as much as is there now, or as entries have in the middle.
    this.#keep(Math.max(bytesOf(text), average));
  }

  /**
   * Gives lists up while all take too much: those of the account that has most, the oldest first. One is always kept, and
   * `spared` is.
   */
  makeRoom(spared?: Held): void {
    while (this.#held.size > 1 && this.#bytes() > this.#bounds.frozenBytes) {
      const held = this.#first(spared);
      if (!held) return;
      this.#remove(held);
      for (const holder of held.holders) holder.giveUp();
    }
  }

  /** Which goes first. */
  #first(spared: Held | undefined): Held | undefined {
    const byAccount = new Map<string, number>();
    for (const { account, list, kept } of this.#held.values()) {
      byAccount.set(account, (byAccount.get(account) ?? 0) + list.bytes + kept);
    }
    let first: Held | undefined;
    let most = -1;
    for (const held of this.#held.values()) {
      const bytes = byAccount.get(held.account) ?? 0;
      if (held === spared || bytes <= most) continue;
      first = held;
      most = bytes;
    }
    return first;
  }

  /** Counts what is kept alive for the newest list that may be what keeps it. */
  #keep(bytes: number): void {
    let left = bytes;
    for (const held of [...this.#held.values()].toReversed()) {
      if (left <= 0) return;
      const more = Math.min(left, held.list.shared - held.kept);
      held.kept += more;
      left -= more;
    }
  }

  /** What it has kept alive, others may too. */
  #remove(held: Held): void {
    if (!this.#held.delete(held.list)) return;
    this.#changes++;
    this.#keep(held.kept);
  }

  /** One part as a message, written once for those who read it at about the same time. */
  message(list: FrozenList, part: number, reason: SnapshotReason, id: number | undefined): readonly string[] {
    const key = `${this.#number(list)}|${part}|${reason}|${id ?? ""}`;
    return this.#encoded.keep(key, () => [
      encodeSnapshotPart(list, reason, list.part(part), part < list.parts - 1, id),
    ]);
  }

  readonly #numbers = new WeakMap<FrozenList, number>();
  #lists = 0;

  #number(list: FrozenList): number {
    let number = this.#numbers.get(list);
    if (number === undefined) {
      number = ++this.#lists;
      this.#numbers.set(list, number);
    }
    return number;
  }

  /** One that others read: of this moment, or an older one where there is no room for another. */
  #find(asked: Asked): FrozenList | undefined {
    const { epoch, seq, entries } = this.#feed;
    const id = idOf(asked);
    if (!this.#isHeld(id)) return undefined;
    const { since } = asked;
    // What has changed since an older one's moment has to be known, deletions included. Who has come as far as that
    // already, and could not be told what has changed, could not be told it after the same list again.
    const isPresent = since === undefined || this.#hasRoom(asked);
    const from = isPresent ? seq : Math.min(seq, Math.max(since + 1, entries.forgotten));
    let newest: FrozenList | undefined;
    for (const held of this.#held.values()) {
      if (held.id === id && held.list.epoch === epoch && held.list.seq >= from) newest = held.list;
    }
    return newest;
  }

  /** Whether a list may be made of what is asked for, if need be in place of one that was asked for long ago. */
  #mayMake(asked: Asked): boolean {
    return this.#ofAccount(asked.account) < this.#bounds.frozenPerAccount || this.#isSmall(asked);
  }

  #hasRoom(asked: Asked): boolean {
    if (this.#held.size === 0 || this.#isSmall(asked)) return true;
    return this.#mayMake(asked) && this.#bytes() + this.#most(asked) * SLOT <= this.#bounds.frozenBytes;
  }

  /** What is sent in one message needs no list that stays. Values may be long: they then are few. */
  #isSmall(asked: Asked): boolean {
    return this.#isShort || this.#most(asked) === 0;
  }

  /** Whether all that there is is. */
  get #isShort(): boolean {
    return this.#feed.entries.length <= this.#bounds.partLength;
  }

  #isHeld(id: string): boolean {
    for (const held of this.#held.values()) if (held.id === id) return true;
    return false;
  }

  /** How many entries it may have: as it was when that was first asked. */
  #most(asked: Asked): number {
    const { entries } = this.#feed;
    asked.most ??= entries.mostSelected(asked.selection);
    return Math.min(entries.size, asked.most);
  }

  #ofAccount(account: string): number {
    let lists = 0;
    for (const held of this.#held.values()) if (held.account === account) lists++;
    return lists;
  }

  #bytes(): number {
    let bytes = 0;
    for (const { list, kept } of this.#held.values()) bytes += list.bytes + kept;
    return bytes;
  }
}

function idOf({ selection, except }: Asked): string {
  // No key holds a line break.
  return except ? `${selection.id}\n${except.id}` : selection.id;
}
