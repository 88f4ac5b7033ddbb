import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newFeed } from "../../support/api.ts";
import { problem } from "../../support/http.ts";
import { TestSubscriber, upgrade } from "../../support/subscriber.ts";

// The settings of the Worker in these tests.
const MESSAGE_BURST = 300;
const PUBLISH_BURST = 1_000;

const PUBLISHER = { Authorization: "Bearer publish-key" };
const good = { key: "A", set: {} };
const bad = { key: "A", set: 1 };

function publishing(id: number, update: object): object {
  return { type: "publish", id, updates: [update] };
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

describe("[MSG4] [I7] a flood", () => {
  // No rate recovers while a test runs.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test("[MSG5] of 19 bad publishes and a good one in turn is ended", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "?keys=none", PUBLISHER);
    await closes(publisher, (i) => publishing(i, i % 20 === 19 ? good : bad), 2 * MESSAGE_BURST);
  });

  test("of publishes above the rate is ended", async () => {
    const publisher = await TestSubscriber.connect(newFeed(), "?keys=none", PUBLISHER);
    await closes(publisher, (i) => publishing(i, good), 3 * PUBLISH_BURST);
  });

  test("of a few long messages is ended", async () => {
    const subscriber = await TestSubscriber.connect(newFeed());
    const token = "x".repeat(50_000);
    await closes(subscriber, () => ({ type: "ack", token }), 10);
  });

  test("over many sockets of one client IP is ended, and no further socket is taken from there for a while", async () => {
    const feed = newFeed();
    const here = { "CF-Connecting-IP": "203.0.113.9" };
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
    expect.unreachable("a flood is never refused");
  });

  test("[MSG6] of long publishes of one credential is taken in turns and stays in order", async () => {
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

test("[I9] one bad message, however long, is answered", async () => {
  const publisher = await TestSubscriber.connect(newFeed(), "", PUBLISHER);
  publisher.send({ type: "publish", id: 1, updates: [good, bad, { ...good, pad: "x".repeat(1_000_000) }] });
  expect(await publisher.message("error", 1)).toMatchObject({ code: "invalid_update" });
  publisher.send({ type: "publish", id: 2, updates: [good] });
  await publisher.message("receipt", 2);
});
