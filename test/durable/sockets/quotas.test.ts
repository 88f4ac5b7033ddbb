import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fingerprint } from "../../../src/access/keys.ts";
import { Planner } from "../../../src/placement/planner.ts";
import { bearer, newFeed, post, publish } from "../../support/api.ts";
import { problem } from "../../support/http.ts";
import { TestSubscriber, upgrade } from "../../support/subscriber.ts";
import { token } from "../../support/tokens.ts";
import { evict, MEMORIES } from "../evictions.ts";

// The settings of the Worker in these tests.
const SOCKETS_PER_ADDRESS = 3;
const MESSAGE_BURST = 150;
const PUBLISH_BURST = 400;
/** What the lengths of so many batches count in addition. */
const WEIGHS = 1;

const PUBLISHER = { Authorization: "Bearer publish-key" };
const from = (clientIp: string): Record<string, string> => ({ "CF-Connecting-IP": clientIp });

describe.each(MEMORIES)("subscribers from one client IP %s", (_, between) => {
  test("[PLACE2] are limited, and others are served", async () => {
    const feed = newFeed();
    const subscribers: TestSubscriber[] = [];
    for (let i = 0; i < SOCKETS_PER_ADDRESS; i++) {
      subscribers.push(await TestSubscriber.connect(feed, "", from("2001:db8::1")));
    }
    await between(feed);
    const refused = await upgrade(feed, "", from("2001:db8::2"));
    expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
    await problem(refused, "rate_limited");
    await TestSubscriber.connect(feed, "", from("2001:db8:1::1"));
    await between(feed);
    await TestSubscriber.connect(feed);
    // A subscriber that leaves makes room.
    subscribers[0]!.close();
    await vi.waitFor(async () => {
      const { subscribers: left } = await env.FEEDS.getByName(feed).stats();
      expect(left).toBe(SOCKETS_PER_ADDRESS + 1);
    });
    await between(feed);
    await TestSubscriber.connect(feed, "", from("2001:db8::2"));
    await problem(await upgrade(feed, "", from("2001:db8::2")), "rate_limited");
  });
});

test("[PLACE2] [REP10] a client that has all its places is no reason for replicas, however often it tries", async () => {
  const feed = newFeed();
  const arrived = vi.spyOn(Planner.prototype, "arrived");
  // A socket that nobody holds is collected as garbage, and leaves its place.
  const sockets: WebSocket[] = [];
  for (let i = 0; i < 10; i++) {
    const { webSocket } = await upgrade(feed, "", from("198.51.100.1"));
    webSocket?.accept();
    if (webSocket) sockets.push(webSocket);
  }
  expect(sockets).toHaveLength(SOCKETS_PER_ADDRESS);
  expect(arrived).toHaveBeenCalledTimes(SOCKETS_PER_ADDRESS);
  arrived.mockRestore();
  for (const socket of sockets) socket.close();
});

const good = { key: "A", set: {} };
const bad = { key: "A", set: 1 };

function publishing(i: number, update: object): object {
  return { type: "publish", id: i + 1, updates: [update] };
}

/** Sends up to `most` messages, with pauses in which they are taken, and is closed for it. */
async function closes(subscriber: TestSubscriber, message: (i: number) => object, most: number): Promise<void> {
  for (let i = 0; i < most && subscriber.closed === undefined; i++) {
    subscriber.send(message(i));
    if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await subscriber.until(({ closed }) => closed !== undefined, "the close");
  expect(subscriber.closed).toMatchObject({ code: 4429 });
}

describe("[MSG4] [I7] messages on a socket", () => {
  // No rate recovers while a test runs.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test.each<[what: string, headers: Record<string, string>, message: (i: number) => object, most: number]>([
    ["acks", {}, () => ({ type: "ack", seq: 0 }), 2 * MESSAGE_BURST],
    ["a few long messages", {}, () => ({ type: "ack", token: "x".repeat(50_000) }), 10],
    ["acks of a publisher", PUBLISHER, () => ({ type: "ack", seq: 0 }), 2 * MESSAGE_BURST],
    ["19 bad publishes and a good one in turn", PUBLISHER, (i) => publishing(i, i % 20 === 19 ? good : bad), 600],
    ["publishes above the rate", PUBLISHER, (i) => publishing(i, good), 3 * PUBLISH_BURST],
  ])("[MSG5] close it with 4429 if they come faster than they may: %s", async (_, headers, message, most) => {
    await closes(await TestSubscriber.connect(newFeed(), "?keys=none", headers), message, most);
  });

  test("that publish may be as many as the publisher's own rate allows", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "?keys=none", PUBLISHER);
    const publishes = MESSAGE_BURST + 50;
    for (let i = 0; i < publishes; i++) publisher.send(publishing(i, good));
    await publisher.message("receipt", publishes);
    expect(publisher.closed).toBeUndefined();
  });

  test("over many sockets of one client IP are ended, and no further socket is taken from there for a while", async () => {
    const feed = newFeed();
    for (let n = 0; n < 11; n++) {
      const response = await upgrade(feed, "", from("203.0.113.9"));
      const { webSocket } = response;
      if (!webSocket) {
        expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
        await problem(response, "rate_limited");
        return;
      }
      webSocket.accept();
      const closed = new Promise((resolve) => webSocket.addEventListener("close", resolve));
      for (let i = 0; i < 2 * MESSAGE_BURST; i++) webSocket.send('{"type":"ack","seq":0}');
      await closed;
      webSocket.close();
    }
    expect.unreachable("a flood is never refused");
  });

  test("[I9] of which one is bad, however long, are answered", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "", PUBLISHER);
    publisher.send({ type: "publish", id: 1, updates: [good, bad, { ...good, pad: "x".repeat(1_000_000) }] });
    expect(await publisher.message("error", 1)).toMatchObject({ code: "invalid_update" });
    publisher.send(publishing(1, good));
    await publisher.message("receipt", 2);
  });
});

describe("publishing", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test("[MSG5] is limited by the credential's rate, over HTTP and sockets alike, and another credential has its own", async () => {
    const feed = newFeed();
    const publisher = await TestSubscriber.connect(feed, "", PUBLISHER);
    const stub = env.FEEDS.getByName(feed);
    const batch = JSON.stringify({ key: "A", set: { p: 1 } });
    // Called directly: the HTTP side has limits of its own.
    const who = `publish key ${await fingerprint("publish-key")}`;
    await Promise.all(Array.from({ length: PUBLISH_BURST - WEIGHS }, () => stub.acceptBatch(batch, who)));
    const response = await post(feed, { key: "A", set: { p: 2 } });
    expect(response.headers.get("Retry-After")).toBe("1");
    await problem(response, "rate_limited");
    publisher.send({ type: "publish", id: 1, updates: [{ key: "A", set: { p: 3 } }] });
    expect(await publisher.message("error", 1)).toMatchObject({ code: "rate_limited" });
    const other = await post(feed, { key: "A", set: { p: 4 } }, { Authorization: "Bearer publish-key-next" });
    expect(await other.json()).toMatchObject({ seq: PUBLISH_BURST - WEIGHS + 1, accepted: 1 });
    vi.setSystemTime(Date.now() + 1_000);
    expect((await publish(feed, { key: "A", set: { p: 5 } })).seq).toBe(PUBLISH_BURST - WEIGHS + 2);
  });
});

test("[I2] [STEP7] a subscribe message that is refused leaves the selection as it was, over a hibernation too", async () => {
  const feed = newFeed();
  const headers = bearer(await token("subscribe:*"));
  // With the key that the last one has already, more than one account may select.
  const [most, keys] = [10, Array.from({ length: 1_000 }, (_, i) => i)];
  const subscribers = await Promise.all(
    keys.slice(0, most).map(() => TestSubscriber.connect(feed, "?keys=A", headers)),
  );
  for (const [id, subscriber] of subscribers.entries()) {
    subscriber.send({ type: "subscribe", id, keys: keys.map((key) => `${id}.${key}`) });
    if (id < most - 1) await subscriber.message("snapshot", id);
    else expect(await subscriber.message("error", id)).toMatchObject({ code: "rate_limited" });
  }
  const refused = subscribers.at(-1)!;
  await publish(feed, { key: "A", set: { n: 1 } });
  await refused.reaches(1);
  await evict(feed);
  await publish(feed, { key: "A", set: { n: 2 } });
  expect((await refused.reaches(2)).state()).toEqual({ A: { n: 2 } });
});
