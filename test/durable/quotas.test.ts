import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fingerprint } from "../../src/access/fingerprint.ts";
import { newFeed, post, publish } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";
import { MEMORIES } from "./steps.ts";

// As the tests' Worker is deployed.
const SOCKETS_PER_ADDRESS = 3;
const MESSAGE_BURST = 300;
const PUBLISH_BURST = 2_000;
/** By how much so many publishes weigh more than nothing: each counts by its length, too. */
const WEIGHS = 4;

const from = (address: string): Record<string, string> => ({ "CF-Connecting-IP": address });

describe.each(MEMORIES)("subscribers from one address %s", (_, between) => {
  test("are so many and no more, and others are served", async () => {
    const feed = newFeed();
    const subscribers: TestSubscriber[] = [];
    for (let i = 0; i < SOCKETS_PER_ADDRESS; i++) {
      subscribers.push(await TestSubscriber.connect(feed, "", from("2001:db8::1")));
    }
    await between(feed);
    const refused = await upgrade(feed, "", from("2001:db8::2"));
    expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
    await problem(refused, "rate_limited");
    await TestSubscriber.connect(feed, "", from("2001:db8:0:1::1"));
    await between(feed);
    await TestSubscriber.connect(feed);
    // One that leaves makes room.
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

describe("messages on a socket", () => {
  test("that come faster than they may close it with 4429", async () => {
    const feed = newFeed();
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(0);
    for (let i = 0; i < 2 * MESSAGE_BURST; i++) subscriber.send({ type: "ack", seq: 0 });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4429 });
  });

  test("that are not publishes close a publisher's socket too", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "", { Authorization: "Bearer publish-key" });
    for (let i = 0; i < 2 * MESSAGE_BURST; i++) publisher.send({ type: "ack", seq: 0 });
    await publisher.until(({ closed }) => closed !== undefined, "the close");
    expect(publisher.closed).toMatchObject({ code: 4429 });
  });

  test("may be as many as a publisher's own rate allows", async () => {
    const feed = newFeed();
    const publisher = await TestSubscriber.connect(feed, "", { Authorization: "Bearer publish-key" });
    const publishes = MESSAGE_BURST + 50;
    for (let i = 1; i <= publishes; i++) {
      publisher.send({ type: "publish", id: i, updates: [{ key: "A", set: { i } }] });
    }
    await publisher.message("receipt", publishes);
    expect(publisher.closed).toBeUndefined();
  });
});

describe("[I7] a flood", () => {
  // What may be done anew after a while does not make the tests wait.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  const PUBLISHER = { Authorization: "Bearer publish-key" };
  const good = { key: "A", set: {} };
  const bad = { key: "A", set: 1 };

  async function closes(subscriber: TestSubscriber, message: (i: number) => object, most: number): Promise<void> {
    for (let i = 0; i < most && subscriber.closed === undefined; i++) {
      subscriber.send(message(i));
      if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4429 });
  }

  test("of 19 bad publishes and a good one by turns ends", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "?keys=none", PUBLISHER);
    const message = (i: number): object => ({ type: "publish", id: i, updates: [i % 20 === 19 ? good : bad] });
    await closes(publisher, message, 2 * MESSAGE_BURST);
  });

  test("of publishes above the rate ends", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "?keys=none", PUBLISHER);
    await closes(publisher, (i) => ({ type: "publish", id: i, updates: [good] }), 3 * PUBLISH_BURST);
  });

  test("of few messages that are long ends", async () => {
    const subscriber = await TestSubscriber.connect(newFeed());
    const token = "x".repeat(50_000);
    await closes(subscriber, () => ({ type: "ack", token }), 10);
  });

  test("over many sockets of one address ends, and then nobody comes from there for a while", async () => {
    const feed = newFeed();
    const here = from("203.0.113.9");
    const noise = { type: "ack", seq: 0 };
    for (let n = 0; n < 11; n++) {
      const response = await upgrade(feed, "", here);
      if (response.status === 429) {
        expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
        await problem(response, "rate_limited");
        return;
      }
      response.webSocket?.accept();
      const subscriber = response.webSocket;
      const closed = new Promise((resolve) => subscriber?.addEventListener("close", resolve));
      for (let i = 0; i < 2 * MESSAGE_BURST; i++) subscriber?.send(JSON.stringify(noise));
      await closed;
      subscriber?.close();
    }
    expect.unreachable("whoever floods comes back for ever");
  });

  test("[I9] one bad message, however long, is answered", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "", PUBLISHER);
    publisher.send({ type: "publish", id: 1, updates: [good, bad, { ...good, pad: "x".repeat(1_000_000) }] });
    expect(await publisher.message("error", 1)).toMatchObject({ code: "invalid_update" });
    publisher.send({ type: "publish", id: 2, updates: [good] });
    await publisher.message("receipt", 2);
  });

  test("of long publishes of one credential is taken in turns, each one's in order", async () => {
    const feed = newFeed();
    const publisher = await TestSubscriber.connect(feed, "?keys=none", PUBLISHER);
    const pad = "x".repeat(60_000);
    for (let i = 1; i <= 20; i++) {
      publisher.send({ type: "publish", id: i, updates: [{ key: "A", set: i % 2 === 0 ? { i } : { i, pad } }] });
    }
    const ids = (): unknown[] => publisher.messages.filter(({ type }) => type === "receipt").map(({ id }) => id);
    await publisher.message("receipt", 20);
    expect(ids()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });
});

describe("publishing", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test("is held to the credential's rate, over HTTP and sockets alike, and another credential's is its own", async () => {
    const feed = newFeed();
    const publisher = await TestSubscriber.connect(feed, "", { Authorization: "Bearer publish-key" });
    const stub = env.FEEDS.getByName(feed);
    const updates = [JSON.stringify({ key: "A", set: { p: 1 } })] as never;
    // As many as were let through by the front.
    const who = `publish key ${await fingerprint("publish-key")}`;
    await Promise.all(Array.from({ length: PUBLISH_BURST - WEIGHS }, () => stub.publish({ updates }, who)));
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
