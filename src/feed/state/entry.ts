import { readOwnJson, type JsonObject } from "../../protocol/json.ts";
import { isAscii } from "../../protocol/json-scan.ts";
import { encodeDelete, encodeSet } from "../../protocol/update.ts";
import type { CutValue } from "./accepted-update.ts";

/** What the feed knows of one key. */
export interface EntryState {
  /** Seq of its last change. */
  readonly seq: number;
  /** The publisher's time of that change, if it gave one; milliseconds since 1970. */
  readonly time: number | undefined;
  /** The highest version that a publisher gave for this key. */
  readonly version: number | undefined;
  /** When the entry expires, in whole milliseconds since 1970. */
  readonly expires: number | undefined;
  /** The value as JSON, in a string of its own; undefined if the key was deleted. */
  readonly text: string | undefined;
  /** Whether the text is ASCII. */
  readonly isNarrow: boolean;
}

/**
 * One key of a feed: live, or a tombstone. The value is kept only as text: parsed, it would take up to forty times the
 * memory, and text is what is stored and sent. Entries are linked in the order of their last changes, so that "what has
 * changed after seq S" is read from the end and costs only what it finds.
 */
export class Entry implements EntryState {
  readonly key: string;
  /** Bytes of the key in memory. */
  readonly keyBytes: number;
  seq = 0;
  time: number | undefined;
  version: number | undefined;
  expires: number | undefined;
  text: string | undefined;
  isNarrow = true;
  /** Neighbours in order of `seq`. Only `Recency` sets them. */
  older: Entry | undefined;
  newer: Entry | undefined;
  /** Index in the expiry queue; -1 if it is not there. Only the queue sets it. */
  heapIndex = -1;

  constructor(key: string) {
    this.key = key;
    this.keyBytes = bytesOf(key);
  }

  get live(): boolean {
    return this.text !== undefined;
  }

  /** The value, parsed from the text each time. */
  get value(): JsonObject | undefined {
    return this.text === undefined ? undefined : readOwnJson<JsonObject>(this.text);
  }

  /** Characters of the value's JSON. */
  get length(): number {
    return this.text?.length ?? 0;
  }

  /** Bytes of key and value in memory; 0 for a tombstone. */
  get bytes(): number {
    return this.text === undefined ? 0 : this.keyBytes + memoryOf(this.text, this.isNarrow);
  }

  /** Takes over a state. Only `Entries` calls it. */
  become(state: EntryState): void {
    this.seq = state.seq;
    this.time = state.time;
    this.version = state.version;
    this.expires = state.expires;
    this.text = state.text;
    this.isNarrow = state.isNarrow;
  }
}

/** Bytes of a string in memory: one a character if it is ASCII (`isNarrow`), else two, which Latin-1 does not need. */
export function memoryOf(text: string, isNarrow: boolean): number {
  return isNarrow ? text.length : 2 * text.length;
}

/** The same for a string of which nothing is known. */
export function bytesOf(text: string): number {
  return memoryOf(text, isAscii(text));
}

/** A key's present state as an update, which is right whatever the receiver has; with its value cut, if need be. */
export function encodeEntry({ key, text, time, version }: Entry, cut?: CutValue): string {
  const stamps = { time, version };
  return text === undefined ? encodeDelete(key, stamps) : encodeSet(key, cut ? cut(text) : text, stamps);
}
