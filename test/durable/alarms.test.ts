import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Alarm, type AlarmStorage } from "../../src/durable/serving/alarms.ts";
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

async function alarmIs(feed: string, at: number): Promise<void> {
  await vi.waitFor(async () => expect(await alarmOf(feed)).toBe(at));
}

/** Has the alarm go off at a time. */
async function ring(feed: string, at: number): Promise<void> {
  vi.setSystemTime(at);
  expect(await runDurableObjectAlarm(env.FEEDS.getByName(feed))).toBe(true);
}

/** The platform loses the alarm, and the object its memory. */
async function loseAlarm(feed: string): Promise<void> {
  const stub = env.FEEDS.getByName(feed);
  await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm());
  await evictDurableObject(stub);
  expect(await alarmOf(feed)).toBeNull();
}

async function isClosed(subscriber: TestSubscriber): Promise<void> {
  await subscriber.until(({ closed }) => closed !== undefined, "the close");
  expect(subscriber.closed).toMatchObject({ code: 4401 });
}

/** Connects with a credential that expires at `at`. */
async function connect(feed: string, at: number): Promise<TestSubscriber> {
  const headers = { Authorization: `Bearer ${await token("subscribe:*", { expires: at })}` };
  return (await TestSubscriber.connect(feed, "", headers)).reaches(1);
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

describe("[I4] the one alarm of an object", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: START }));
  afterEach(() => void vi.useRealTimers());

  test("goes off for an entry before it does for a token, and for a token before an entry", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {}, ttl: 20 });
    await evict(feed);
    const subscriber = await connect(feed, START + MINUTE);
    await alarmIs(feed, START + 20_000);
    await ring(feed, START + 20_000);
    expect((await subscriber.reaches(2)).state()).toEqual({});
    await evict(feed);
    await publish(feed, { key: "A", set: {}, ttl: 3_600 });
    await alarmIs(feed, START + MINUTE);
    await ring(feed, START + MINUTE);
    await isClosed(subscriber);
  });

  test("goes off once for an entry and a token that expire at one time", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {}, ttl: 60 });
    const ending = await connect(feed, START + MINUTE);
    const other = await (await TestSubscriber.connect(feed)).reaches(1);
    await evict(feed);
    await ring(feed, START + MINUTE);
    await isClosed(ending);
    expect((await other.reaches(2)).state()).toEqual({});
    expect(await alarmOf(feed)).toBeNull();
  });

  test("may be lost: nothing is sent to a socket whose token has expired", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const subscriber = await connect(feed, START + MINUTE);
    await loseAlarm(feed);
    vi.setSystemTime(START + 2 * MINUTE);
    await publish(feed, { key: "A", set: { late: true } });
    await isClosed(subscriber);
    expect(subscriber.state()).toEqual({ A: {} });
  });

  test.each([
    ["[AUTH10] a credential that expires", {}, (subscriber: TestSubscriber) => renew(subscriber, START + MINUTE)],
    ["[AUTH11] an entry that expires", { ttl: 60 }, () => undefined],
  ])("that was lost is set again by any message, for %s", async (_, stamps, prepare) => {
    const { feed, subscriber } = await sealedFeed({ key: "A", set: {}, ...stamps });
    await prepare(subscriber);
    await loseAlarm(feed);
    subscriber.send({ type: "ack", seq: 1 });
    await alarmIs(feed, START + MINUTE);
  });

  test("[AUTH10] [I7] for a credential closes the socket without opening the feed, and goes off no more", async () => {
    const { feed, subscriber } = await sealedFeed();
    await renew(subscriber, START + MINUTE);
    await ring(feed, START + MINUTE);
    await isClosed(subscriber);
    expect(await alarmOf(feed)).toBeNull();
  });

  test("[AUTH10] [I7] for a credential is followed by that of an entry, still without opening the feed", async () => {
    const { feed, subscriber } = await sealedFeed({ key: "A", set: {}, ttl: 180 });
    await renew(subscriber, START + MINUTE);
    await ring(feed, START + MINUTE);
    await alarmIs(feed, START + 3 * MINUTE);
  });

  test("[AUTH10] [I7] for a credential that was renewed does nothing, and does not open the feed", async () => {
    const { feed, subscriber } = await sealedFeed();
    await renew(subscriber, START + MINUTE);
    await renew(subscriber, START + 2 * MINUTE);
    await ring(feed, START + MINUTE);
    await alarmIs(feed, START + 2 * MINUTE);
    expect(subscriber.closed).toBeUndefined();
  });

  test("[AUTH11] for an entry is followed by that of the next entry", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {}, ttl: 60 },
      { key: "B", set: {}, ttl: 180 },
    ]);
    await evict(feed);
    await ring(feed, START + MINUTE);
    await alarmIs(feed, START + 3 * MINUTE);
  });

  test("[AUTH11] deletes the entry of a feed that was stored before such times were noted", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {}, ttl: 60 });
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(1);
    const stub = env.FEEDS.getByName(feed);
    await runInDurableObject(stub, (_, { storage }) => {
      for (const [key] of storage.kv.list()) storage.kv.delete(key);
    });
    await evictDurableObject(stub);
    await ring(feed, START + MINUTE);
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
