import type { Entry } from "./entry.ts";

/** Entries in one chunk, at most: moving half of them costs less than finding the chunk. */
const CHUNK = 512;

/** A point in the index: before the entry at `at` of `chunk`, or at the chunk's end. */
interface Cursor {
  readonly chunk: number;
  readonly at: number;
}

/** Entries in the order of their keys (by UTF-16 code units), so that the keys of a prefix are side by side. */
export class KeyIndex {
  /** None of them is empty. */
  readonly #chunks: Entry[][] = [];

  /** Adds an entry with a new key. */
  add(entry: Entry): void {
    const { chunk, at } = this.#find(entry.key);
    const entries = this.#chunks[chunk];
    if (!entries) {
      this.#append(entry);
      return;
    }
    entries.splice(at, 0, entry);
    if (entries.length > CHUNK) this.#chunks.splice(chunk + 1, 0, entries.splice(CHUNK / 2));
  }

  remove(entry: Entry): void {
    const { chunk, at } = this.#find(entry.key);
    const entries = this.#chunks[chunk];
    if (entries?.[at] !== entry) return;
    entries.splice(at, 1);
    if (entries.length === 0) this.#chunks.splice(chunk, 1);
  }

  /**
   * The entries whose keys begin with `prefix`, in order, except those that begin with one of `without`. The prefixes in
   * `without` are sorted and none begins with another; what they cover is skipped and not looked at.
   */
  *startingWith(prefix: string, without: readonly string[] = []): Generator<Entry> {
    let { chunk, at } = this.#find(prefix);
    let next = firstNotBelow(without, prefix, (key) => key);
    for (let entries = this.#chunks[chunk]; entries; entries = this.#chunks[chunk]) {
      const entry = entries[at];
      if (!entry) {
        chunk++;
        at = 0;
        continue;
      }
      const { key } = entry;
      if (!key.startsWith(prefix)) return;
      let skipped = without[next];
      while (skipped !== undefined && skipped < key && !key.startsWith(skipped)) skipped = without[++next];
      if (skipped === undefined || !key.startsWith(skipped)) {
        yield entry;
        at++;
        continue;
      }
      const end = afterPrefix(skipped);
      if (end === undefined) return;
      ({ chunk, at } = this.#find(end));
      next++;
    }
  }

  /** How many keys begin with `prefix`. Looks at none of them. */
  count(prefix: string): number {
    const from = this.#find(prefix);
    const end = afterPrefix(prefix);
    const to = end === undefined ? { chunk: this.#chunks.length, at: 0 } : this.#find(end);
    let count = to.at - from.at;
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += this.#chunks[chunk]?.length ?? 0;
    return count;
  }

  /** Adds the last entry. A full chunk stays full: keys that come in order fill the index without moving any. */
  #append(entry: Entry): void {
    const last = this.#chunks.at(-1);
    if (last && last.length < CHUNK) last.push(entry);
    else this.#chunks.push([entry]);
  }

  /** Before the first entry whose key is not below `key`. */
  #find(key: string): Cursor {
    const chunks = this.#chunks;
    let chunk = 0;
    for (let high = chunks.length; chunk < high;) {
      const middle = (chunk + high) >> 1;
      const entries = chunks[middle];
      const last = entries?.[entries.length - 1];
      if (last && last.key < key) chunk = middle + 1;
      else high = middle;
    }
    const entries = chunks[chunk];
    return { chunk, at: entries ? firstNotBelow(entries, key, keyOf) : 0 };
  }
}

function keyOf({ key }: Entry): string {
  return key;
}

function firstNotBelow<T>(items: readonly T[], key: string, keyOf: (item: T) => string): number {
  let low = 0;
  for (let high = items.length; low < high;) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item !== undefined && keyOf(item) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first string after all that begin with `prefix`; undefined if there is none. */
function afterPrefix(prefix: string): string | undefined {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const unit = prefix.charCodeAt(last);
    if (unit < 0xffff) return prefix.slice(0, last) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
