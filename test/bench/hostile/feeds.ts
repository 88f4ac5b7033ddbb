import { Lane } from "../load/lane.ts";
import { cameFrom, HONEST_ADDRESS, HONEST_KEY, pathOf, type HostileTarget } from "./target.ts";

/** How much a feed has that is filled for an attack: parts of the limits, for those who have little time. */
export interface Filling {
  readonly name: string;
  readonly bodies: (share: number) => Iterable<string>;
}

/** A little fewer than a feed may have: the honest publisher's own have to go in. */
const LIMIT_KEYS = 99_000;
const BATCH = 1_000;
/** Bytes of keys and values, a little below what a feed may have. */
const LIMIT_BYTES = 15_500_000;
/** Of the log, a little below what is kept of it. */
const LOG_BYTES = 29_000_000;
/** Of a POST, a little below what it may have. */
const BODY_BYTES = 1_000_000;

/** A few keys, as most feeds have. */
export const SMALL: Filling = {
  name: "small",
  *bodies() {
    yield batch(100, (i) => ({ key: `k${i}`, set: { n: i } }));
  },
};

/** As many keys as there may be, and as many bytes. */
export const FULL: Filling = {
  name: "full",
  *bodies(share) {
    const text = "x".repeat(Math.floor(LIMIT_BYTES / LIMIT_KEYS) - 11 - `{"n":100000,"text":""}`.length);
    for (let first = 0; first < LIMIT_KEYS * share; first += BATCH)
      yield batch(BATCH, (i) => ({ key: keyOf(first + i), set: { n: first + i, text } }));
  },
};

/** The same where a character takes two bytes in memory. */
export const CYRILLIC: Filling = {
  name: "Cyrillic",
  *bodies(share) {
    const text = "ж".repeat(Math.floor(LIMIT_BYTES / 2 / LIMIT_KEYS) - 11 - `{"n":100000,"text":""}`.length);
    for (let first = 0; first < LIMIT_KEYS * share; first += BATCH)
      yield batch(BATCH, (i) => ({ key: keyOf(first + i), set: { n: first + i, text } }));
  },
};

/** Large values of two bytes a character. */
export const LARGE: Filling = {
  name: "large",
  *bodies(share) {
    const text = "ж".repeat(30_000);
    for (let i = 0; i < (LIMIT_BYTES * share) / 60_000; i++) yield batch(1, () => ({ key: keyOf(i), set: { text } }));
  },
};

/** A log as long as it is kept, of small updates of few keys, with one of a rare key at its beginning. */
export const LOG: Filling = {
  name: "log",
  *bodies(share) {
    yield batch(1, () => ({ key: "rare", set: { n: 1 } }));
    for (let length = 0, n = 0; length < LOG_BYTES * share; n++) {
      const body = batch(BATCH, (i) => ({ key: `k${i}`, patch: { n, price: n + i / 100 } }));
      length += body.length;
      yield body;
    }
  },
};

/** One value as large as it may be, of many members. */
export const PATCHED: Filling = {
  name: "patched",
  *bodies() {
    const members = Array.from({ length: 3_800 }, (_, i) => [`m${i}`, 100_000 + i]);
    yield batch(1, () => ({ key: "large", set: Object.fromEntries(members) }));
  },
};

/** The i-th key of a feed that is filled with many. */
export function keyOf(i: number): string {
  return `tick.${String(i).padStart(6, "0")}`;
}

/** `count` updates as one body of ASCII. */
export function batch(count: number, make: (i: number) => object): string {
  const body = `[${Array.from({ length: count }, (_, i) => JSON.stringify(make(i))).join(",")}]`;
  return body.replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** As large a body as there may be, of so many updates. */
export function largest(count: number): string {
  const text = "y".repeat(BODY_BYTES / count - 60);
  return batch(count, (i) => ({ key: keyOf(i), set: { n: i, text } }));
}

/** Publishes what a feed is to have, honestly. */
export async function fillFeed(target: HostileTarget, filling: Filling, share = 1): Promise<void> {
  const headers = { Authorization: `Bearer ${HONEST_KEY}`, ...cameFrom(HONEST_ADDRESS) };
  const lane = await Lane.open({ port: target.port, path: pathOf(target), headers });
  try {
    for (const body of filling.bodies(share)) {
      const status = await lane.post(body);
      if (status !== 200) throw new Error(`a POST answered ${status}`);
    }
  } finally {
    lane.close();
  }
}
