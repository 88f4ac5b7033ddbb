/** 32 bits of a text (MurmurHash3). Without the seed, texts with equal hashes cannot be chosen. */
export function hash32(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const mixed = Math.imul(rotate(Math.imul(text.charCodeAt(i), 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotate(hash ^ mixed, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= text.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * 53 bits of some lines: as many as a number holds, in one pass. It tells the bodies of one idempotency key apart, of which
 * there are a few: a publisher that sends a wrong repeat 1,000 times a second is not found out once in 285,000 years.
 */
export function hash53(lines: readonly string[], seed: number): number {
  let low = seed ^ 0xdeadbeef;
  let high = seed ^ 0x41c6ce57;
  for (const line of lines) {
    const { length } = line;
    for (let i = 0; i < length; i += 2) {
      const units = line.charCodeAt(i) | (i + 1 < length ? line.charCodeAt(i + 1) << 16 : 0);
      low = Math.imul(rotate(low ^ units, 5), 0x9e3779b1);
      high = Math.imul(rotate(high ^ units, 9), 0x5f356495);
    }
    // Where a line ends counts too.
    low = Math.imul(rotate(low ^ length, 5), 0x9e3779b1);
    high = Math.imul(rotate(high ^ length, 9), 0x5f356495);
  }
  const mixed = mix(low, high);
  return 2 ** 32 * (mix(high, mixed) >>> 11) + mixed;
}

function mix(value: number, other: number): number {
  let mixed = value ^ (other >>> 15);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
