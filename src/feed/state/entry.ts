import { readOwnJson, type JsonObject } from "../../protocol/json.ts";
import { isAscii } from "../../protocol/json-scan.ts";

/** What is known of one key after its last change. */
export interface EntryState {
  /** Seq of that change. */
  readonly seq: number;
  /** The publisher's time of it, where it gave one; milliseconds since 1970. */
  readonly time: number | undefined;
  /** The highest version that the source gave for this key. */
  readonly version: number | undefined;
  /** When the entry is deleted if nothing newer comes; whole milliseconds since 1970. */
  readonly expires: number | undefined;
  /** The value as JSON, in a string of its own; nothing where the key was deleted. */
  readonly text: string | undefined;
  /** Whether the text is ASCII. */
  readonly isNarrow: boolean;
}

/**
 * One key of a feed: live, or deleted and remembered (a tombstone). Its value is kept as text alone: parsed, it would
 * take up to forty times as much, and text is what is stored and sent. Entries are linked in the order in which they
 * last changed, so that "what changed after seq S" is read from the end and costs only what it finds.
 */
export class Entry implements EntryState {
  readonly key: string;
  /** Bytes that the key takes in memory. */
  readonly keyBytes: number;
  seq = 0;
  time: number | undefined;
  version: number | undefined;
  expires: number | undefined;
  text: string | undefined;
  isNarrow = true;
  /** Neighbours in order of `seq`. Kept by `Entries` alone. */
  older: Entry | undefined;
  newer: Entry | undefined;
  /** Where it stands in the queue of those that expire. Kept by that queue alone. */
  place = -1;

  constructor(key: string) {
    this.key = key;
    this.keyBytes = memoryOf(key, isAscii(key));
  }

  get live(): boolean {
    return this.text !== undefined;
  }

  /** The value, read from the text each time. */
  get value(): JsonObject | undefined {
    return this.text === undefined ? undefined : readOwnJson<JsonObject>(this.text);
  }

  /** Characters of the value's JSON. */
  get length(): number {
    return this.text?.length ?? 0;
  }

  /** Bytes that key and value take in memory; 0 for a tombstone. */
  get bytes(): number {
    return this.text === undefined ? 0 : this.keyBytes + memoryOf(this.text, this.isNarrow);
  }

  /** Takes on a state. To be called by `Entries` alone. */
  become(state: EntryState): void {
    this.seq = state.seq;
    this.time = state.time;
    this.version = state.version;
    this.expires = state.expires;
    this.text = state.text;
    this.isNarrow = state.isNarrow;
  }
}

/** Bytes of a string in memory. One character beyond Latin-1 makes all of them take two; those of Latin-1 are counted so too. */
export function memoryOf(text: string, isNarrow: boolean): number {
  return isNarrow ? text.length : 2 * text.length;
}

/** The same of a text that nothing is known of. */
export function bytesOf(text: string): number {
  return memoryOf(text, isAscii(text));
}
