import { readOwnJson, type JsonObject } from "../protocol/json.ts";

/**
 * One key of a feed: live, or deleted and remembered (a tombstone). Entries are linked in the order in which they
 * last changed, so that "what changed after seq S" is read from the end and costs only what it finds.
 */
export class Entry {
  readonly key: string;
  /** Seq of the update that last changed this key. */
  seq = 0;
  /** The publisher's time of that update, where it gave one; milliseconds since 1970. */
  time: number | undefined;
  /** The highest version that the source gave for this key. */
  version: number | undefined;
  /** When the entry is deleted if nothing newer comes; milliseconds since 1970. */
  expires: number | undefined;
  /** Neighbours in order of `seq`. Kept by `Entries` alone. */
  older: Entry | undefined;
  newer: Entry | undefined;

  /** JSON text, object, or both: each is made from the other when it is first needed. Neither: a tombstone. */
  #text: string | undefined;
  #value: JsonObject | undefined;
  /** No less than the length of the value's JSON text. */
  #length = 0;
  #measured = 0;

  constructor(key: string) {
    this.key = key;
  }

  get live(): boolean {
    return this.#text !== undefined || this.#value !== undefined;
  }

  get value(): JsonObject | undefined {
    if (this.#value === undefined && this.#text !== undefined) this.#value = readOwnJson<JsonObject>(this.#text);
    return this.#value;
  }

  /** The value as JSON text; nothing where the entry is a tombstone. */
  get text(): string | undefined {
    if (this.#text === undefined && this.#value !== undefined) this.#text = JSON.stringify(this.#value);
    return this.#text;
  }

  /** An upper bound of the text's length, known without writing the text. Changes only with the value. */
  get lengthBound(): number {
    return this.#length;
  }

  /** The bound when it was last the true length, or near it. */
  get measured(): number {
    return this.#measured;
  }

  setValue(value: JsonObject, lengthBound: number, measured: number): void {
    this.#value = value;
    this.#text = undefined;
    this.#length = lengthBound;
    this.#measured = measured;
  }

  setText(text: string): void {
    this.#text = text;
    this.#value = undefined;
    this.#length = text.length;
    this.#measured = text.length;
  }

  clearValue(): void {
    this.#value = undefined;
    this.#text = undefined;
    this.#length = 0;
    this.#measured = 0;
  }
}
