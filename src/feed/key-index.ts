import type { Entry } from "./entry.ts";

/** Entries in one chunk: moving half of them about costs less than finding the chunk. */
const CHUNK = 512;

/** A place in the index: before the entry at `at` of `chunk`, or at the chunk's end. */
interface Place {
  readonly chunk: number;
  readonly at: number;
}

/** Entries in order of their keys (of UTF-16 code units), so that those with a prefix stand together. */
export class KeyIndex {
  /** None of them empty. */
  readonly #chunks: Entry[][] = [];

  /** Adds an entry whose key is not there. */
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

  /** Those whose keys begin with `prefix`, in order of their keys. */
  *startingWith(prefix: string): Generator<Entry> {
    let { chunk, at } = this.#find(prefix);
    for (let entries = this.#chunks[chunk]; entries; entries = this.#chunks[++chunk]) {
      for (let entry = entries[at]; entry; entry = entries[++at]) {
        if (!entry.key.startsWith(prefix)) return;
        yield entry;
      }
      at = 0;
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

  /** Behind all others. A full chunk is left full: keys that come in order fill the index without moving any. */
  #append(entry: Entry): void {
    const last = this.#chunks.at(-1);
    if (last && last.length < CHUNK) last.push(entry);
    else this.#chunks.push([entry]);
  }

  /** The place of the first entry whose key is not below `key`. */
  #find(key: string): Place {
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
    return { chunk, at: entries ? firstNotBelow(entries, key) : 0 };
  }
}

function firstNotBelow(entries: readonly Entry[], key: string): number {
  let low = 0;
  for (let high = entries.length; low < high;) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry && entry.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first string behind all that begin with `prefix`; nothing where there is none. */
function afterPrefix(prefix: string): string | undefined {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const unit = prefix.charCodeAt(last);
    if (unit < 0xffff) return prefix.slice(0, last) + String.fromCharCode(unit + 1);
  }
  return undefined;
}
