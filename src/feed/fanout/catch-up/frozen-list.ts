import type { TimedPosition } from "../../../protocol/position.ts";
import type { Selection } from "../../../protocol/selection.ts";
import type { CutValue } from "../../state/accepted-update.ts";
import type { Feed } from "../../state/feed.ts";
import { COST, lookupCost, type WorkMeter } from "../work.ts";

/** Bytes that an entry takes in a list: two references. */
export const ITEM_BYTES = 16;
/** Characters beside key and value in a member of the `entries` object. */
const PUNCTUATION = 4;

/** A request for a frozen list. The caller keeps it while it waits. */
export interface ListRequest {
  readonly account: string;
  readonly selection: Selection;
  /** What the reader has already: it is left out. */
  readonly except?: Selection | undefined;
  /** The list may be of an earlier moment, but only after this seq. Undefined: it must be of the present. */
  readonly since?: number | undefined;
  /** How many entries the list may have, once that is known. */
  mostEntries?: number | undefined;
  /** The count of changes of the lists in use when there was no list for the request. */
  refusedAt?: number;
}

/** The same for all fields: a list has whole values, and each reader cuts them for itself. */
export function idOf({ selection, except }: ListRequest): string {
  // No key has a line break.
  return except ? `${selection.patterns}\n${except.patterns}` : selection.patterns;
}

/** Reads a frozen list, part by part. */
export interface ListReader {
  /** The list was given up, because others need its memory. The reader must end. */
  onListGivenUp(): void;
}

let made = 0;

/** The selected entries of one moment, as references to texts that never change. Read in parts as the feed goes on. */
export class FrozenList implements TimedPosition {
  readonly number = ++made;
  /** What it was made for. */
  readonly id: string;
  /** The account that asked for it first. */
  readonly account: string;
  readonly epoch: string;
  readonly seq: number;
  readonly time: number;
  /** Characters of all members. */
  readonly length: number;
  /** Bytes of keys and texts. The feed shares them until it replaces them. */
  readonly sharedBytes: number;
  readonly #keys: string[] = [];
  readonly #texts: string[] = [];
  /** Where each part ends. */
  readonly #ends: number[] = [];
  readonly readers = new Set<ListReader>();
  /** Bytes that the feed has replaced and that only lists keep alive. Each byte is counted for one list. */
  keptBytes = 0;

  constructor(feed: Feed, request: ListRequest, partLength: number, meter: WorkMeter) {
    const { selection, except } = request;
    this.id = idOf(request);
    this.account = request.account;
    ({ epoch: this.epoch, seq: this.seq, time: this.time } = feed);
    let length = 0;
    let before = 0;
    let sharedBytes = 0;
    meter.work += lookupCost(selection) + (except ? lookupCost(except) : 0);
    const { entries } = feed;
    const selected = except ? entries.selectBeyond(selection, except) : entries.select(selection);
    for (const { key, text = "{}", bytes } of selected) {
      sharedBytes += bytes;
      meter.work += COST.key;
      if (length > partLength) {
        this.#ends.push(this.#keys.length);
        before += length;
        length = 0;
      }
      this.#keys.push(key);
      this.#texts.push(text);
      length += key.length + text.length + PUNCTUATION;
    }
    this.#ends.push(this.#keys.length);
    this.length = before + length;
    this.sharedBytes = sharedBytes;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Parts; at least one. */
  get parts(): number {
    return this.#ends.length;
  }

  /** Bytes that the list takes and keeps alive, beside what it shares. */
  get bytes(): number {
    return this.size * ITEM_BYTES + this.keptBytes;
  }

  /** One part: the members of an `entries` object, in JSON, without its braces; with values cut, if need be. */
  part(index: number, cut?: CutValue): string {
    const members: string[] = [];
    const end = this.#ends[index] ?? 0;
    for (let i = index === 0 ? 0 : (this.#ends[index - 1] ?? 0); i < end; i++) {
      const text = this.#texts[i] ?? "{}";
      members.push(`${JSON.stringify(this.#keys[i])}:${cut ? cut(text) : text}`);
    }
    return members.join(",");
  }
}
