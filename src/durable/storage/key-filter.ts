import { hash32 } from "../../feed/state/hash.ts";

/**
 * Which keys a stored row may have (a Bloom filter): a search for a rare key passes over a row of 256 KiB for a few
 * hundred bytes. Ten bits a key say yes to one in a hundred that is not there.
 */
const BITS_A_KEY = 10;
const PROBES = 7;
const SEEDS: [number, number] = [0x9747b28c, 0x2c1b3c6d];

export function filterOf(keys: ReadonlySet<string>): ArrayBuffer {
  const filter = new Uint8Array(Math.ceil((keys.size * BITS_A_KEY) / 8) + 1);
  for (const key of keys)
    for (const bit of bitsOf(key, filter)) filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
  return filter.buffer;
}

export function mayHave(filter: ArrayBuffer, key: string): boolean {
  const bytes = new Uint8Array(filter);
  return bitsOf(key, bytes).every((bit) => ((bytes[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
}

function bitsOf(key: string, filter: Uint8Array): number[] {
  const [first, step] = [hash32(key, SEEDS[0]), hash32(key, SEEDS[1])];
  return Array.from({ length: PROBES }, (_, i) => (first + i * step) % (8 * filter.length));
}
