import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fingerprint } from "../../../src/access/keys.ts";
import { newFeed, post, publish } from "../../support/api.ts";
import { problem } from "../../support/http.ts";
import { TestSubscriber, upgrade } from "../../support/subscriber.ts";
import { MEMORIES } from "../evictions.ts";

// The settings of the Worker in these tests.
const SOCKETS_PER_ADDRESS = 3;
const MESSAGE_BURST = 300;
const PUBLISH_BURST = 1_000;
/** What the lengths of so many batches count in addition. */
const WEIGHS = 2;

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

describe("messages on a socket", () => {
  test("[MSG4] close it with 4429 if they come faster than they may", async () => {
    const feed = newFeed();
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(0);
    for (let i = 0; i < 2 * MESSAGE_BURST; i++) subscriber.send({ type: "ack", seq: 0 });
    await subscriber.until(({ closed }) => closed !== undefined, "the close");
    expect(subscriber.closed).toMatchObject({ code: 4429 });
  });

  test("close a publisher's socket too if they are not publishes", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "", { Authorization: "Bearer publish-key" });
    for (let i = 0; i < 2 * MESSAGE_BURST; i++) publisher.send({ type: "ack", seq: 0 });
    await publisher.until(({ closed }) => closed !== undefined, "the close");
    expect(publisher.closed).toMatchObject({ code: 4429 });
  });

  test("that publish may be as many as the publisher's own rate allows", async () => {
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

describe("publishing", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test("[MSG5] is limited by the credential's rate, over HTTP and sockets alike, and another credential has its own", async () => {
    const feed = newFeed();
    const publisher = await TestSubscriber.connect(feed, "", { Authorization: "Bearer publish-key" });
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
