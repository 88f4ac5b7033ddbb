import { expect, test } from "vitest";
import { newFeed, publish, request, snapshot, type SnapshotBody } from "../support/api.ts";

test("[FIELD3] [WAIT1] a reader that waits is not woken by a change of other fields, and is by one of its own", async () => {
  const feed = newFeed();
  const { epoch } = await publish(feed, { key: "A", set: { last: 1, name: "x" } });
  await publish(feed, { key: "A", patch: { name: "y" } });
  const path = `/v1/feeds/${feed}?fields=last,bid&since=${epoch}:`;
  const unchanged = await request(`${path}1&wait=0`);
  expect([unchanged.status, unchanged.headers.get("ETag")]).toEqual([204, `"${epoch}:2"`]);
  const waiting = request(`${path}2&wait=30`);
  // It waits by now, or comes after both: either way only the second is told.
  await publish(feed, { key: "A", patch: { name: "z" } });
  await publish(feed, { key: "A", patch: { last: 2, name: "z" } });
  const answer = await (await waiting).json<{ updates: unknown[] }>();
  const own = { last: 2 };
  expect([[{ key: "A", patch: own }], [{ key: "A", set: own }]]).toContainEqual(answer.updates);
});

test("[FIELD2] a snapshot with fields is of its own, and one that comes in parts is cut too", async () => {
  const feed = newFeed();
  const updates = Array.from({ length: 8 }, (_, i) => ({ key: `k${i}`, set: { a: i, text: "x".repeat(60_000) } }));
  await publish(feed, updates);
  await publish(feed, { key: "none", set: { b: 1 } });
  const cut = await (await request(`/v1/feeds/${feed}?fields=a&fields=c`)).json<SnapshotBody>();
  const expected = Object.fromEntries(updates.map(({ key, set }) => [key, { a: set.a }]));
  expect(cut.entries).toEqual({ ...expected, none: {} });
  expect((await snapshot(feed)).entries["k1"]).toEqual(updates[1]!.set);
});

test.each(["fields=", "fields=a,,b", "fields=%00", `fields=${"f".repeat(129)}`, `fields=${"f,".repeat(64)}f`])(
  "[FIELD1] ?%s is refused",
  async (query) => {
    const response = await request(`/v1/feeds/${newFeed()}?${query}`);
    expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_query" }]);
  },
);
