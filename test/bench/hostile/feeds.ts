import { postAll } from "../load/fill.ts";
import { honestEndpoint, type HostileTarget } from "./target.ts";

/** What a feed is filled with before an attack. `share` is the part of the limits to fill, for short runs. */
export interface Filling {
  readonly name: string;
  readonly bodies: (share: number) => Iterable<string>;
}

/** A little below the limit, so that the honest publisher's own keys fit. */
const LIMIT_KEYS = 99_000;
const BATCH = 1_000;
/** Bytes of keys and values, a little below the limit. */
const LIMIT_BYTES = 15_500_000;
/** Bytes of the log, a little below what is kept. */
const LOG_BYTES = 29_000_000;
/** Bytes of a POST, a little below the limit. */
const BODY_BYTES = 1_000_000;

/** A few keys, as in most feeds. */
export const SMALL: Filling = {
  name: "small",
  *bodies() {
    yield batch(100, (i) => ({ key: `k${i}`, set: { n: i } }));
  },
};

/** As many keys and as many bytes as a feed may have. */
export const FULL = manyKeys("full", "x", LIMIT_BYTES);

/** The same with text that takes two bytes a character in memory. */
export const CYRILLIC = manyKeys("Cyrillic", "ж", LIMIT_BYTES / 2);

function manyKeys(name: string, letter: string, length: number): Filling {
  return {
    name,
    *bodies(share) {
      const text = letter.repeat(Math.floor(length / LIMIT_KEYS) - 11 - `{"n":100000,"text":""}`.length);
      for (let first = 0; first < LIMIT_KEYS * share; first += BATCH)
        yield batch(BATCH, (i) => ({ key: keyOf(first + i), set: { n: first + i, text } }));
    },
  };
}

/** Large values of two bytes a character. */
export const LARGE: Filling = {
  name: "large",
  *bodies(share) {
    const text = "ж".repeat(30_000);
    for (let i = 0; i < (LIMIT_BYTES * share) / 60_000; i++) yield batch(1, () => ({ key: keyOf(i), set: { text } }));
  },
};

/** Values of the largest size with as many members as fit, the last of which is asked for: all has to be looked at. */
export const MEMBERS: Filling = {
  name: "members",
  *bodies(share) {
    const members = Array.from({ length: 6_500 }, (_, i) => [`m${i}`, 1]);
    const value = Object.fromEntries([...members, ["last", 1]]);
    for (let i = 0; i < (LIMIT_BYTES * share) / 60_000; i++)
      yield batch(1, () => ({ key: keyOf(i), set: { n: i, ...value } }));
  },
};

/** As much as one short answer may have: a few values of the largest size, with many members. */
export const WIDE: Filling = {
  name: "wide",
  *bodies() {
    const value = Object.fromEntries(Array.from({ length: 7_000 }, (_, i) => [i.toString(36).padStart(3, "0"), 1]));
    yield batch(4, (i) => ({ key: keyOf(i), set: { n: i, ...value } }));
  },
};

/** The longest log that is kept: small updates of a few keys, and one update of a rare key at its beginning. */
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

/** One value of the largest size, with many members. */
export const PATCHED: Filling = {
  name: "patched",
  *bodies() {
    const members = Array.from({ length: 3_800 }, (_, i) => [`m${i}`, 100_000 + i]);
    yield batch(1, () => ({ key: "large", set: Object.fromEntries(members) }));
  },
};

/** The i-th key of a feed with many keys. */
export function keyOf(i: number): string {
  return `tick.${String(i).padStart(6, "0")}`;
}

/** `count` updates as one body. */
export function batch(count: number, make: (i: number) => object): string {
  return `[${Array.from({ length: count }, (_, i) => JSON.stringify(make(i))).join(",")}]`;
}

/** The largest body of so many updates. */
export function largest(count: number): string {
  const text = "y".repeat(BODY_BYTES / count - 60);
  return batch(count, (i) => ({ key: keyOf(i), set: { n: i, text } }));
}

/** Publishes the filling, within all limits. */
export async function fillFeed(target: HostileTarget, filling: Filling, share = 1): Promise<void> {
  await postAll(honestEndpoint(target), filling.bodies(share));
}
