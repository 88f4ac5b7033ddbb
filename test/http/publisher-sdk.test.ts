import { afterEach, expect, test, vi } from "vitest";
import { createPublisher, type Publisher, type PublisherOptions, type Receipt } from "../../src/publisher/index.ts";
import { evict } from "../durable/evictions.ts";
import { ADMIN_KEY, bearer, newFeed, PUBLISH_KEY, request, snapshot } from "../support/api.ts";
import { WorkerSocket } from "../support/worker-socket.ts";

afterEach(() => void (WorkerSocket.opened.length = 0));

function publisherOf(feed: string, options: Partial<PublisherOptions> = {}): Publisher {
  return createPublisher({
    url: "https://feeds.test",
    feed,
    key: PUBLISH_KEY,
    fetch: (url, init) => request(new URL(url instanceof Request ? url.url : url).pathname, init),
    WebSocket: WorkerSocket,
    batchUpdates: 5,
    ...options,
  });
}

/** Publishes numbers from `from` on, one a call, so that many batches are under way. */
async function publishEach(publisher: Publisher, from: number, to: number): Promise<Promise<Receipt>[]> {
  const receipts = [];
  for (let n = from; n <= to; n++) {
    const receipt = publisher.publish({ key: "n", set: { n } });
    receipt.catch(() => {});
    receipts.push(receipt);
    await Promise.resolve();
  }
  return receipts;
}

/** The numbers that were applied, in order. */
async function numbers(feed: string): Promise<number[]> {
  const response = await request(`/v1/feeds/${feed}/history?key=n&limit=1000`);
  const { updates }: { updates: { set: { n: number } }[] } = await response.json();
  return updates.map(({ set }) => set.n);
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

const isOnSocket = ({ status }: Publisher): boolean =>
  status.state === "delivering" && status.transport === "websocket";

test("[IDEM6] over POSTs, sockets, cuts in between and evictions, each update is there once and in order", async () => {
  const feed = newFeed();
  const publisher = publisherOf(feed);
  const receipts: Promise<Receipt>[] = [];
  let sent = 0;
  const publishSome = async (count: number): Promise<void> => {
    receipts.push(...(await publishEach(publisher, sent + 1, sent + count)));
    sent += count;
    await receipts.at(-Math.ceil(count / 2));
  };
  // The first goes by POST, and those after it once a socket is there.
  await publishSome(1);
  expect(isOnSocket(publisher)).toBe(false);
  await publishSome(40);
  await vi.waitFor(async () => {
    await publishSome(1);
    expect(isOnSocket(publisher)).toBe(true);
  }, 20_000);
  for (let round = 0; round < 8; round++) {
    await publishSome(40);
    if (round % 3 === 1) WorkerSocket.opened.at(-1)?.cut();
    if (round % 3 === 2) {
      await publisher.flush();
      await evict(feed);
    }
  }
  const { epoch, seq } = (await Promise.all(receipts)).at(-1)!;
  await publisher.close();
  expect(await numbers(feed)).toEqual(upTo(sent));
  expect(await snapshot(feed)).toMatchObject({ epoch, seq, entries: { n: { n: sent } } });
  expect(seq).toBe(sent);
});

test("after the feed was removed, it publishes to the new one", async () => {
  const feed = newFeed();
  const publisher = publisherOf(feed, { transport: "websocket" });
  await Promise.all(await publishEach(publisher, 1, 20));
  await request(`/v1/feeds/${feed}?forget=true`, { method: "DELETE", headers: bearer(ADMIN_KEY) });
  await Promise.all(await publishEach(publisher, 21, 40));
  await publisher.close();
  expect(await numbers(feed)).toEqual(upTo(40).slice(20));
});

test("a batch of as many bytes as there may be goes over a socket too", async () => {
  const feed = newFeed();
  const publisher = publisherOf(feed, { transport: "websocket" });
  const update = { key: "A", set: { text: "x".repeat(61_600) } };
  const updates = Array.from({ length: 17 }, () => update);
  const left = 1024 * 1024 - JSON.stringify(updates).length;
  const padded = updates.toSpliced(0, 1, { key: "A", set: { text: update.set.text + "x".repeat(left) } });
  expect(JSON.stringify(padded)).toHaveLength(1024 * 1024);
  expect(await publisher.publish(padded)).toMatchObject({ accepted: 17 });
  expect(WorkerSocket.opened).toHaveLength(1);
  await publisher.close();
});
