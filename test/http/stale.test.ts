import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Update } from "../../src/protocol/update.ts";
import { newFeed, publish, snapshot } from "../support/api.ts";

const set = (p: number, version?: number): Update => ({
  key: "A",
  set: { p },
  ...(version !== undefined && { version }),
});
const gone = (version?: number): Update => ({ key: "A", delete: true, ...(version !== undefined && { version }) });

/** What is there, what comes next, how many of it are stale, and the value of A in the end. */
const CASES: [what: string, first: Update[], next: Update[], stale: number, value: object | undefined][] = [
  ["is below", [set(1, 5)], [set(2, 4)], 1, { p: 1 }],
  ["is equal", [set(1, 5)], [set(2, 5)], 1, { p: 1 }],
  ["is below by a fraction", [set(1, 5.5)], [set(2, 5.25)], 1, { p: 1 }],
  ["is negative", [set(1, 0)], [set(2, -1)], 1, { p: 1 }],
  ["is above", [set(1, 5)], [set(2, 5.5)], 0, { p: 2 }],
  [
    "is below an earlier one of its batch",
    [],
    [set(1, 2), set(2, 1), { key: "A", patch: { q: 3 }, version: 3 }],
    1,
    { p: 1, q: 3 },
  ],
  ["is below, and other keys come with it", [set(1, 9)], [set(0, 1), { key: "B", set: {}, version: 1 }], 1, { p: 1 }],
  ["is not above that of a delete", [set(1, 5), gone(6)], [set(2, 5.5)], 1, undefined],
  ["is above that of a delete", [set(1, 5), gone(6)], [set(2, 7)], 0, { p: 2 }],
  [
    "is not above that before a delete without one",
    [set(1, 5), gone()],
    [{ key: "A", patch: { late: 1 }, version: 5 }],
    1,
    undefined,
  ],
  ["is not given", [set(1, 5)], [set(2)], 0, { p: 2 }],
  ["is not above the last that was given", [set(1, 5), set(2)], [set(3, 5)], 1, { p: 2 }],
  ["is the first of its key, whatever it is", [set(1)], [set(2, -1e9)], 0, { p: 2 }],
  ["is not above, in the whole batch", [set(1, 1)], [gone(1), set(2, 0)], 2, { p: 1 }],
];

test.each(CASES)(
  "[PUB7] an update is stale if its version is not above its key's last one, such as if it %s",
  async (_, first, next, stale, value) => {
    const feed = newFeed();
    if (first.length > 0) await publish(feed, first);
    const accepted = next.length - stale;
    expect(await publish(feed, next)).toMatchObject({ seq: first.length + accepted, accepted, stale });
    expect((await snapshot(feed)).entries["A"]).toEqual(value);
    // The same again is stale throughout, after a restart too.
    const again = next.filter(({ version }) => version !== undefined);
    if (again.length === 0) return;
    await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await publish(feed, again)).toMatchObject({ accepted: 0, stale: again.length });
  },
);
