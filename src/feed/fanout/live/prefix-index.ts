import { ensure, removeFrom } from "./sets.ts";

interface SameLength<T> {
  readonly length: number;
  /** First by a number that is made of the characters: most keys are ruled out without a string of their own. */
  readonly byHash: Map<number, Map<string, Set<T>>>;
}

/**
 * Finds the prefixes that a key begins with, however many there are: one look for each length in use, of which there may be as
 * many as a key has characters.
 */
export class PrefixIndex<T> {
  /** Shortest first. */
  readonly #lengths: SameLength<T>[] = [];

  add(prefix: string, item: T): void {
    const { length } = prefix;
    const place = this.#lengths.findIndex((other) => other.length >= length);
    let same = this.#lengths[place];
    if (same?.length !== length) {
      same = { length, byHash: new Map() };
      this.#lengths.splice(place < 0 ? this.#lengths.length : place, 0, same);
    }
    const alike = ensure(same.byHash, hashOf(prefix), () => new Map<string, Set<T>>());
    ensure(alike, prefix, () => new Set<T>()).add(item);
  }

  remove(prefix: string, item: T): void {
    const place = this.#lengths.findIndex(({ length }) => length === prefix.length);
    const same = this.#lengths[place];
    const hash = hashOf(prefix);
    const alike = same?.byHash.get(hash);
    if (!same || !alike) return;
    removeFrom(alike, prefix, item);
    if (alike.size === 0) same.byHash.delete(hash);
    if (same.byHash.size === 0) this.#lengths.splice(place, 1);
  }

  /** The items of all prefixes that the key begins with, the shortest first. */
  *find(key: string): Generator<T> {
    let hash = 0;
    let at = 0;
    for (const { length, byHash } of this.#lengths) {
      if (length > key.length) return;
      for (; at < length; at++) hash = hashOn(hash, key.charCodeAt(at));
      const alike = byHash.get(hash);
      if (alike) yield* alike.get(key.slice(0, length)) ?? [];
    }
  }
}

function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = hashOn(hash, text.charCodeAt(at));
  return hash;
}

function hashOn(hash: number, unit: number): number {
  return (31 * hash + unit) | 0;
}
