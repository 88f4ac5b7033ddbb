import fc from "fast-check";
import type { Feed } from "../../src/feed/state/feed.ts";
import type { Update } from "../../src/protocol/update.ts";

/** All that a feed knows: a follower must know the same. */
export function contentOf(feed: Feed): string {
  const walk = feed.entries.walk();
  const lines: string[] = [];
  for (let entry = walk.next(); entry; entry = walk.next()) {
    const { key, seq, time, version, expires, value = null } = entry;
    // The order of members says nothing, and differs if patches were applied together.
    lines.push(
      JSON.stringify([
        key,
        seq,
        time,
        version,
        expires,
        Object.entries(value ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        entry.live,
      ]),
    );
  }
  walk.end();
  return [`${feed.epoch}:${feed.seq} ${feed.time} ${feed.nextExpiry}`, ...lines].join("\n");
}

const value = fc.constantFrom({ p: 1 }, { p: 2, q: { r: 1 } }, { q: null }, {});
const key = fc.constantFrom("A", "A", "B", "C", "tech.X");
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ key, set: value }),
  fc.record({ key, patch: value }),
  fc.record({ key, delete: fc.constant<true>(true) }),
  fc.record({ key, set: value, ttl: fc.constantFrom(0.1, 1) }),
  fc.record({ key, patch: value, version: fc.integer({ min: 1, max: 4 }), time: fc.nat({ max: 9 }) }),
);
/** A batch of all kinds of updates, to few keys. */
export const batch = fc.array(update, { minLength: 1, maxLength: 3 });
