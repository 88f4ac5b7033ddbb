import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { bearer, newFeed, post, snapshot } from "../support/api.ts";
import { gzip, problem } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { token } from "../support/tokens.ts";
import { MEMORIES } from "../durable/evictions.ts";

const KEY = { "Idempotency-Key": "order-1" };
const UPDATE = { key: "A", set: { p: 1 } };
const REPLAYED = "Idempotency-Replayed";

test("a repeat with the same body gets the first receipt again and publishes nothing", async () => {
  const feed = newFeed();
  const subscriber = await TestSubscriber.connect(feed, "?mode=all");
  const once = await post(feed, UPDATE, KEY);
  expect([once.status, once.headers.get(REPLAYED)]).toEqual([200, null]);
  const first = await once.json();
  await post(feed, { key: "B", set: {} });
  const repeat = await post(feed, UPDATE, KEY);
  expect(repeat.headers.get(REPLAYED)).toBe("true");
  expect(await repeat.json()).toEqual(first);
  await post(feed, { key: "C", set: {} });
  await subscriber.reaches(3);
  const keys = subscriber.messages.flatMap(({ updates }) => updates ?? []).map(({ key }) => key);
  expect(keys).toEqual(["A", "B", "C"]);
});

test("[IDEM4] a repeat after a restart gets the first receipt again", async () => {
  const feed = newFeed();
  const first = await (await post(feed, UPDATE, KEY)).json();
  await evictDurableObject(env.FEEDS.getByName(feed));
  const repeat = await post(feed, UPDATE, KEY);
  expect(repeat.headers.get(REPLAYED)).toBe("true");
  expect(await repeat.json()).toEqual(first);
  expect((await snapshot(feed)).seq).toBe(1);
});

test("repeats that arrive together are published once", async () => {
  const feed = newFeed();
  const responses = await Promise.all(Array.from({ length: 8 }, () => post(feed, UPDATE, KEY)));
  const receipts = await Promise.all(responses.map((response) => response.json()));
  expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
  expect(responses.filter(({ headers }) => headers.has(REPLAYED))).toHaveLength(7);
  expect((await snapshot(feed)).seq).toBe(1);
});

test("a batch that was stale throughout is remembered too", async () => {
  const feed = newFeed();
  await post(feed, { ...UPDATE, version: 2 });
  const first = await (await post(feed, { ...UPDATE, version: 1 }, KEY)).json();
  expect(first).toMatchObject({ accepted: 0, stale: 1 });
  await evictDurableObject(env.FEEDS.getByName(feed));
  const repeat = await post(feed, { ...UPDATE, version: 1 }, KEY);
  expect(repeat.headers.get(REPLAYED)).toBe("true");
  expect(await repeat.json()).toEqual(first);
});

test("[IDEM2] a repeat with another body is refused, after a restart too", async () => {
  const feed = newFeed();
  await post(feed, UPDATE, KEY);
  await problem(await post(feed, { key: "A", set: { p: 2 } }, KEY), "idempotency_mismatch");
  await evictDurableObject(env.FEEDS.getByName(feed));
  await problem(await post(feed, { key: "A", set: { p: 2 } }, KEY), "idempotency_mismatch");
  expect(await snapshot(feed)).toMatchObject({ seq: 1, entries: { A: { p: 1 } } });
});

test("[IDEM2] the same body is the same whether or not it was compressed", async () => {
  const feed = newFeed();
  await post(feed, UPDATE, KEY);
  const headers = { ...KEY, "Content-Encoding": "gzip" };
  const repeat = await post(feed, await gzip(JSON.stringify(UPDATE)), headers);
  expect(repeat.headers.get(REPLAYED)).toBe("true");
});

test("keys are told apart to the last character, and by case", async () => {
  const feed = newFeed();
  for (const key of ["a", "A", "ab", "__proto__", "constructor", '"\\'.padEnd(128, "x")]) {
    const response = await post(feed, UPDATE, { "Idempotency-Key": key });
    expect(response.headers.get(REPLAYED), key).toBeNull();
  }
  expect((await snapshot(feed)).seq).toBe(6);
});

test("each feed remembers for itself", async () => {
  const [one, two] = [newFeed(), newFeed()];
  await post(one, UPDATE, KEY);
  const response = await post(two, { key: "B", set: {} }, KEY);
  expect(response.status).toBe(200);
  expect(response.headers.get(REPLAYED)).toBeNull();
  expect((await snapshot(two)).entries).toEqual({ B: {} });
});

test("[IDEM4] a refused publish uses up no key: the corrected body is published under it", async () => {
  const feed = newFeed();
  await problem(await post(feed, { key: "A", sett: {} }, KEY), "invalid_update");
  const response = await post(feed, UPDATE, KEY);
  expect(response.status).toBe(200);
  expect(response.headers.get(REPLAYED)).toBeNull();
});

describe("[IDEM2] [I9] keys are kept apart by credential", () => {
  test.each(MEMORIES)("one credential cannot take a key that another one will use, %s", async (_, between) => {
    const feed = newFeed();
    const guest = await token("publish:*", { claims: { sub: "guest" } });
    expect((await publishAs(feed, guest, { key: "G", set: {} })).status).toBe(200);
    await between(feed);
    const own = await publishAs(feed, "publish-key", UPDATE);
    expect([own.status, own.headers.get(REPLAYED)]).toEqual([200, null]);
    await between(feed);
    const again = await publishAs(feed, guest, { key: "G", set: {} });
    expect(again.headers.get(REPLAYED)).toBe("true");
    await problem(await publishAs(feed, guest, UPDATE), "idempotency_mismatch");
    expect(
      (await publishAs(feed, await token("publish:*", { claims: { sub: "other" } }), UPDATE)).headers.get(REPLAYED),
    ).toBeNull();
    expect((await snapshot(feed)).seq).toBe(3);
  });

  test.each(MEMORIES)("a key that was rotated meanwhile is the same publisher's, %s", async (_, between) => {
    const feed = newFeed();
    const first: unknown = await (await publishAs(feed, "publish-key", UPDATE)).json();
    await between(feed);
    const repeat = await publishAs(feed, "publish-key-next", UPDATE);
    expect([repeat.headers.get(REPLAYED), await repeat.json()]).toEqual(["true", first]);
  });
});

function publishAs(feed: string, credential: string, update: unknown): Promise<Response> {
  return post(feed, update, { ...KEY, ...bearer(credential) });
}
