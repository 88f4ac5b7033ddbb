import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Alarm, type AlarmStorage } from "../../src/durable/alarms.ts";
import { newFeed, publish } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { token } from "../support/tokens.ts";
import { evict } from "./evictions.ts";

const START = 1_900_000_000_000;
const MINUTE = 60_000;

/** The platform's alarm, as strict as it may be. */
function storage(): AlarmStorage & { at: number | null } {
  return {
    at: null,
    getAlarm() {
      return Promise.resolve(this.at);
    },
    setAlarm(at: number | Date) {
      if (!Number.isSafeInteger(at)) throw new Error("the alarm is lost");
      this.at = Number(at);
      return Promise.resolve();
    },
  };
}

async function storageAnswered(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function alarmOf(feed: string): Promise<number | null> {
  return runInDurableObject(env.FEEDS.getByName(feed), async (_, { storage }) => {
    await storage.sync();
    return storage.getAlarm();
  });
}

async function connect(feed: string, expires: number): Promise<TestSubscriber> {
  return TestSubscriber.connect(feed, "", { Authorization: `Bearer ${await token("subscribe:*", { expires })}` });
}

/** Gives a socket a credential that expires at `at`. */
async function renew(subscriber: TestSubscriber, at: number): Promise<void> {
  subscriber.send({ type: "auth", id: at, token: await token("subscribe:*", { expires: at }) });
  await subscriber.message("authorized", at);
}

/** A feed that cannot be opened: an attempt to open it fails. */
async function sealedFeed(
  update: object = { key: "A", set: {} },
): Promise<{ feed: string; subscriber: TestSubscriber }> {
  const feed = newFeed();
  await publish(feed, update);
  const subscriber = await (await TestSubscriber.connect(feed)).reaches(1);
  const stub = env.FEEDS.getByName(feed);
  await evict(feed);
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE feed SET format = 99"));
  return { feed, subscriber };
}

describe("[I4] an alarm", () => {
  test("goes off at the earliest time asked for, also over a loss of memory", async () => {
    const stored = storage();
    const first = new Alarm(stored, () => START);
    first.wakeBy(START + 20_000);
    first.wakeBy(START + 30_000);
    await storageAnswered();
    expect(stored.at).toBe(START + 20_000);
    const second = new Alarm(stored, () => START);
    second.wakeBy(START + MINUTE);
    await storageAnswered();
    expect(stored.at).toBe(START + 20_000);
    second.wakeBy(START + 10_000);
    expect(stored.at).toBe(START + 10_000);
  });

  test("is set to whole milliseconds, and never to a time that has passed", async () => {
    const stored = storage();
    const alarm = new Alarm(stored, () => START);
    alarm.wakeBy(START + 12.9);
    await storageAnswered();
    expect(stored.at).toBe(START + 13);
    stored.at = null;
    alarm.wentOff();
    alarm.wakeBy(START);
    expect(stored.at).toBe(START + 1);
  });

  test("that has not gone off in time is set again by the next event", async () => {
    let now = START;
    const stored = storage();
    const alarm = new Alarm(stored, () => now);
    alarm.wakeBy(START + 1_000);
    await storageAnswered();
    stored.at = null;
    now += 5_000;
    alarm.heal();
    expect(stored.at, "it may be late").toBeNull();
    now += 2_000;
    alarm.heal();
    expect(stored.at).toBe(now + 1);
  });

  test("that has not gone off in time is set again after a loss of memory, too", async () => {
    const stored = storage();
    stored.at = START + 1_000;
    const early = new Alarm(stored, () => START + 3_000);
    early.heal();
    await storageAnswered();
    expect(stored.at, "it may be late").toBe(START + 1_000);
    const late = new Alarm(stored, () => START + 9_000);
    late.heal();
    await storageAnswered();
    expect(stored.at).toBe(START + 9_001);
    stored.at = null;
    const none = new Alarm(stored, () => START);
    none.heal();
    await storageAnswered();
    expect(stored.at, "it is set only if asked for").toBeNull();
  });
});

describe("[I4] an object that is woken", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  test("by a token that expires later still sends the deletion of an entry that expires before", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {}, ttl: 20 });
    await evict(feed);
    const subscriber = await (await connect(feed, START + 60 * MINUTE)).reaches(1);
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(START + 20_000));
    vi.setSystemTime(START + 20_000);
    await runDurableObjectAlarm(env.FEEDS.getByName(feed));
    await subscriber.reaches(2);
    expect(subscriber.state()).toEqual({});
  });

  test("by an update with a long ttl still closes a socket whose token expires before", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const subscriber = await (await connect(feed, START + MINUTE)).reaches(1);
    await evict(feed);
    await publish(feed, { key: "A", set: {}, ttl: 3_600 });
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(START + MINUTE));
    vi.setSystemTime(START + MINUTE);
    await runDurableObjectAlarm(env.FEEDS.getByName(feed));
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
  });

  test("after its alarm was lost sends nothing to a socket whose token has expired", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const subscriber = await (await connect(feed, START + MINUTE)).reaches(1);
    await runInDurableObject(env.FEEDS.getByName(feed), (_, { storage }) => storage.deleteAlarm());
    await evict(feed);
    vi.setSystemTime(START + 2 * MINUTE);
    await publish(feed, { key: "A", set: { late: true } });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
    expect(subscriber.state()).toEqual({ A: {} });
  });
});

describe("[I4] an object that a message wakes", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  test("[AUTH10] sets the alarm for a credential again if the platform has lost it", async () => {
    const { feed, subscriber } = await sealedFeed();
    const until = START + MINUTE;
    subscriber.send({ type: "auth", id: 1, token: await token("subscribe:*", { expires: until }) });
    await subscriber.message("authorized", 1);
    const stub = env.FEEDS.getByName(feed);
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(stub);
    expect(await alarmOf(feed)).toBeNull();
    subscriber.send({ type: "ack", seq: 1 });
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(until));
  });
});

describe("[AUTH10] [I7] an alarm for a credential that expires", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  test("closes the socket without opening the feed, and goes off no more", async () => {
    const { feed, subscriber } = await sealedFeed();
    await renew(subscriber, START + MINUTE);
    vi.setSystemTime(START + MINUTE);
    expect(await runDurableObjectAlarm(env.FEEDS.getByName(feed))).toBe(true);
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4401 });
    expect(await alarmOf(feed)).toBeNull();
  });

  test("is followed by the alarm of an entry that expires later, still without opening the feed", async () => {
    const { feed, subscriber } = await sealedFeed({ key: "A", set: {}, ttl: 180 });
    await renew(subscriber, START + MINUTE);
    vi.setSystemTime(START + MINUTE);
    expect(await runDurableObjectAlarm(env.FEEDS.getByName(feed))).toBe(true);
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(START + 3 * MINUTE));
  });

  test("does nothing if the credential was renewed, and does not open the feed", async () => {
    const { feed, subscriber } = await sealedFeed();
    await renew(subscriber, START + MINUTE);
    await renew(subscriber, START + 2 * MINUTE);
    vi.setSystemTime(START + MINUTE);
    expect(await runDurableObjectAlarm(env.FEEDS.getByName(feed))).toBe(true);
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(START + 2 * MINUTE));
    expect(subscriber.closed).toBeUndefined();
  });

  test("at the time at which an entry expires does both", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {}, ttl: 60 });
    const ending = await (await connect(feed, START + MINUTE)).reaches(1);
    const other = await (await TestSubscriber.connect(feed)).reaches(1);
    await evict(feed);
    vi.setSystemTime(START + MINUTE);
    await runDurableObjectAlarm(env.FEEDS.getByName(feed));
    await ending.until(({ closed }) => closed !== undefined, "the close");
    expect((await other.reaches(2)).state()).toEqual({});
    expect(await alarmOf(feed)).toBeNull();
  });
});

describe("[AUTH11] [I4] an alarm for an entry that expires", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  test("is set again by any event that wakes the object, if the platform has lost it", async () => {
    const { feed, subscriber } = await sealedFeed({ key: "A", set: {}, ttl: 60 });
    const stub = env.FEEDS.getByName(feed);
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm());
    await evictDurableObject(stub);
    expect(await alarmOf(feed)).toBeNull();
    subscriber.send({ type: "ack", seq: 1 });
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(START + MINUTE));
  });

  test("is followed by the alarm of the next entry", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {}, ttl: 60 },
      { key: "B", set: {}, ttl: 180 },
    ]);
    await evict(feed);
    vi.setSystemTime(START + MINUTE);
    await runDurableObjectAlarm(env.FEEDS.getByName(feed));
    await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(START + 3 * MINUTE));
  });

  test("deletes the entry of a feed that was stored before such times were noted", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {}, ttl: 60 });
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(1);
    const stub = env.FEEDS.getByName(feed);
    await runInDurableObject(stub, (_, { storage }) => {
      for (const [key] of storage.kv.list()) storage.kv.delete(key);
    });
    await evictDurableObject(stub);
    vi.setSystemTime(START + MINUTE);
    await runDurableObjectAlarm(stub);
    expect((await subscriber.reaches(2)).state()).toEqual({});
  });
});

describe("[I7] a hibernated socket", () => {
  test("acks, renews its credential and gets errors without the feed being opened", async () => {
    const { subscriber } = await sealedFeed();
    subscriber.send({ type: "ack", seq: 1 });
    subscriber.send({ type: "auth", id: 1, token: await token("subscribe:*", { expires: Date.now() + MINUTE }) });
    expect(await subscriber.message("authorized", 1)).toMatchObject({ type: "authorized" });
    subscriber.send("{}");
    await subscriber.message("error");
    expect(subscriber.closed).toBeUndefined();
  });

  test("is closed by its client without the feed being opened", async () => {
    const { feed, subscriber } = await sealedFeed();
    subscriber.close();
    await vi.waitFor(async () => {
      const sockets = await runInDurableObject(env.FEEDS.getByName(feed), (_, ctx) => ctx.getWebSockets().length);
      expect(sockets).toBe(0);
    });
  });
});
