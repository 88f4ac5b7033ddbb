import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { bearer, newFeed, post, snapshot } from "../support/api.ts";
import { gzip, problem } from "../support/http.ts";
import { TestSubscriber, type Message } from "../support/subscriber.ts";
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

/** Publishes over a socket of its own, in JSON or MessagePack, and returns the answer. */
async function publishOverSocket(
  feed: string,
  idempotencyKey: string,
  update: unknown,
  protocol = "tickertape.v1",
): Promise<Message> {
  const sender = await TestSubscriber.connect(feed, "", {
    ...bearer("publish-key"),
    "Sec-WebSocket-Protocol": protocol,
  });
  sender.send({ type: "publish", id: 1, updates: [update], idempotencyKey });
  await sender.until(({ messages }) => messages.some(({ id }) => id === 1), "an answer");
  sender.close();
  return sender.messages.find(({ id }) => id === 1)!;
}

/** The ways to publish: each returns what became of it. */
const WAYS: Record<string, (feed: string, key: string, update: unknown) => Promise<unknown>> = {
  "by POST": async (feed, key, update) => {
    const response = await post(feed, update, { "Idempotency-Key": key });
    const { seq, code } = await response.json<{ seq?: number; code?: string }>();
    return seq === undefined ? code : { seq, replayed: response.headers.get(REPLAYED) === "true" };
  },
  "over a socket": async (feed, key, update) => outcomeOf(await publishOverSocket(feed, key, update)),
  "as MessagePack": async (feed, key, update) =>
    outcomeOf(await publishOverSocket(feed, key, update, "tickertape.v1.msgpack")),
};

function outcomeOf({ seq, code, replayed }: Message): unknown {
  return seq === undefined ? code : { seq, replayed: replayed === true };
}

describe.each(Object.keys(WAYS).flatMap((first) => Object.keys(WAYS).map((then) => [first, then] as const)))(
  "[IDEM9] a publish %s, repeated %s",
  (first, then) => {
    // One of them is enough for the ways that differ only in how they are read.
    const memories = first === then ? MEMORIES.slice(1) : MEMORIES;
    test.each(memories)("is found, and with another body refused, %s", async (_, between) => {
      const feed = newFeed();
      // Written otherwise than the server does.
      const update = { set: { p: 1.0, q: "\u00e9" }, key: "A" };
      expect(await WAYS[first]!(feed, "order-1", update)).toEqual({ seq: 1, replayed: false });
      await between(feed);
      expect(await WAYS[then]!(feed, "order-1", update)).toEqual({ seq: 1, replayed: true });
      expect(await WAYS[then]!(feed, "order-1", { key: "A", set: { p: 2 } })).toBe("idempotency_mismatch");
      expect((await snapshot(feed)).seq).toBe(1);
    });
  },
);

test.each(MEMORIES)("[IDEM6] [IDEM9] a session goes on whichever way it takes, %s", async (_, between) => {
  const feed = newFeed();
  const ways = Object.values(WAYS);
  const send = (way: number, n: number, value = n): Promise<unknown> =>
    ways[way % 3]!(feed, `~session/${"s".repeat(22)}/${n}`, { key: "A", set: { n: value } });
  expect(await send(0, 2)).toBe("unknown_session");
  for (let n = 1; n <= 3; n++) {
    expect(await send(n, n)).toEqual({ seq: n, replayed: false });
    await between(feed);
    expect(await send(n + 1, n + 2)).toBe("out_of_order");
    expect(await send(n + 2, n)).toEqual({ seq: n, replayed: true });
    expect(await send(n + 2, n, 0)).toBe("idempotency_mismatch");
  }
  expect(await snapshot(feed)).toMatchObject({ seq: 3, entries: { A: { n: 3 } } });
});

test("[IDEM9] a key that is empty or too long is refused", async () => {
  for (const key of ["", "k".repeat(129)])
    expect(await publishOverSocket(newFeed(), key, UPDATE)).toMatchObject({ code: "invalid_message" });
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
