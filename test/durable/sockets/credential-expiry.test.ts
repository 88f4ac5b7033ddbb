import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newFeed, publish } from "../../support/api.ts";
import { TestSubscriber } from "../../support/subscriber.ts";
import { token } from "../../support/tokens.ts";
import { MEMORIES } from "../evictions.ts";

/** Tokens expire on whole seconds. */
const START = 1_900_000_000_000;
const MINUTE = 60_000;

async function connect(feed: string, scope: string, expires: number): Promise<TestSubscriber> {
  return TestSubscriber.connect(feed, "", { Authorization: `Bearer ${await token(scope, { expires })}` });
}

function ringAlarm(feed: string): Promise<boolean> {
  return runDurableObjectAlarm(env.FEEDS.getByName(feed));
}

describe.each(MEMORIES)("a socket's credential %s", (_, between) => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  test("[AUTH10] expires, and its socket alone is closed, with 4401", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    const ending = await (await connect(feed, "subscribe:*", START + MINUTE)).reaches(1);
    const later = await (await connect(feed, "subscribe:*", START + 3 * MINUTE)).reaches(1);
    const without = await (await TestSubscriber.connect(feed)).reaches(1);
    await between(feed);
    vi.setSystemTime(START + MINUTE);
    expect(await ringAlarm(feed)).toBe(true);
    await ending.until(({ closed }) => closed !== undefined, "the close");
    expect(ending.closed).toMatchObject({ code: 4401 });
    await publish(feed, { key: "A", set: { p: 2 } });
    await Promise.all([later.reaches(2), without.reaches(2)]);
    await between(feed);
    vi.setSystemTime(START + 3 * MINUTE);
    expect(await ringAlarm(feed)).toBe(true);
    await later.until(({ closed }) => closed !== undefined, "the close");
    expect(later.closed).toMatchObject({ code: 4401 });
    await publish(feed, { key: "A", set: { p: 3 } });
    expect((await without.reaches(3)).closed).toBeUndefined();
    expect(await runInDurableObject(env.FEEDS.getByName(feed), (_, { storage }) => storage.getAlarm())).toBeNull();
  });

  test("[AUTH9] is renewed over the socket, and the answer says when it expires now", async () => {
    const feed = newFeed();
    const subscriber = await (await connect(feed, "subscribe:*", START + MINUTE)).reaches(0);
    await between(feed);
    subscriber.send({ type: "auth", id: 4, token: await token("subscribe:*", { expires: START + 9 * MINUTE }) });
    expect(await subscriber.message("authorized", 4)).toEqual({
      type: "authorized",
      id: 4,
      expires: START + 9 * MINUTE,
    });
    await between(feed);
    vi.setSystemTime(START + MINUTE);
    await ringAlarm(feed);
    await publish(feed, { key: "A", set: { p: 2 } });
    expect((await subscriber.reaches(1)).closed).toBeUndefined();
    vi.setSystemTime(START + 9 * MINUTE);
    await ringAlarm(feed);
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
  });

  test("that is replaced by a key does not expire any more", async () => {
    const feed = newFeed();
    const subscriber = await (await connect(feed, "subscribe:*", START + MINUTE)).reaches(0);
    subscriber.send({ type: "auth", id: 1, token: "publish-key" });
    expect(await subscriber.message("authorized", 1)).toEqual({ type: "authorized", id: 1 });
    await between(feed);
    vi.setSystemTime(START + MINUTE);
    await ringAlarm(feed);
    await publish(feed, { key: "A", set: { p: 2 } });
    expect((await subscriber.reaches(1)).closed).toBeUndefined();
  });

  test("[AUTH10] that has expired lets nothing through, even if no alarm has come", async () => {
    const feed = newFeed();
    const subscriber = await (await connect(feed, "publish:*", START + MINUTE)).reaches(0);
    await between(feed);
    vi.setSystemTime(START + MINUTE);
    subscriber.send({ type: "publish", id: 1, updates: [{ key: "A", set: { p: 1 } }] });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
    expect(subscriber.messages.some(({ type }) => type === "receipt")).toBe(false);
  });

  test("[AUTH10] that has expired has nothing more sent to its socket, even if no alarm has come", async () => {
    const feed = newFeed();
    const subscriber = await (await connect(feed, "subscribe:*", START + MINUTE)).reaches(0);
    vi.setSystemTime(START + MINUTE);
    await publish(feed, { key: "A", set: { p: 1 } });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
    expect(subscriber.messages.some(({ type }) => type === "update")).toBe(false);
  });

  test("[AUTH9] can be replaced by one that allows less", async () => {
    const feed = newFeed();
    const subscriber = await (await connect(feed, "publish:* subscribe:*", START + MINUTE)).reaches(0);
    subscriber.send({ type: "publish", id: 1, updates: [{ key: "A", set: { p: 1 } }] });
    await subscriber.message("receipt", 1);
    subscriber.send({ type: "auth", id: 2, token: await token("subscribe:*", { expires: START + MINUTE }) });
    await subscriber.message("authorized", 2);
    await between(feed);
    subscriber.send({ type: "publish", id: 3, updates: [{ key: "A", set: { p: 2 } }] });
    expect(await subscriber.message("error", 3)).toMatchObject({ code: "forbidden" });
  });

  test("[AUTH9] that is replaced by an invalid one closes the socket with 4401", async () => {
    const feed = newFeed();
    const subscriber = await (await connect(feed, "subscribe:*", START + MINUTE)).reaches(0);
    subscriber.send({ type: "auth", id: 1, token: await token("subscribe:*", { expires: START }) });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
  });
});
