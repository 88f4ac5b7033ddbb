import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Feed } from "../../src/client/index.ts";
import { publish, snapshot } from "./support/api.ts";
import { BlockingProxy } from "./support/blocking-proxy.ts";
import { isLive } from "./support/feeds.ts";
import { Server } from "./support/server.ts";
import { until } from "./support/until.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.dispose());

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

/** Waits until the feed's view stands at `seq`. */
function reaches(feed: Feed<unknown>, seq: number): Promise<unknown> {
  return until(
    () => Number(feed.position?.split(":")[1]) >= seq,
    () => `seq ${seq}; at ${feed.position}, ${feed.state}: ${feed.status.reason}`,
    { ms: 60_000 },
  );
}

// They mostly wait, all at the same time.
describe.concurrent.each([
  ["streams of events where no WebSocket gets through", false, "streams"],
  ["polling where streams are held back too", true, "polls"],
] as const)("the client falls back to %s", (_, holdsStreams, kind) => {
  test("goes on over cuts and a crash of the server, and keeps its position", async () => {
    // Its own, as it is killed.
    const server = await Server.start();
    const name = `over-${kind}`;
    const url = `${server.url}/v1/feeds/${name}`;
    await publish(url, [
      { key: "A", set: { n: 0 } },
      { key: "B", set: { n: 0 } },
    ]);
    const proxy = await BlockingProxy.start(server.url, { holdsStreams });
    const feed = connect<{ n: number }>(proxy.url, name);
    const reasons: (string | undefined)[] = [];
    const backwards: string[] = [];
    let at = 0;
    feed.on("change", (_, { position, reason }) => {
      if (reason !== undefined) reasons.push(reason);
      const seq = Number(position.split(":")[1]);
      if (seq < at) backwards.push(position);
      at = seq;
    });
    await reaches(feed, 2);
    await isLive(feed);
    for (let n = 1; n <= 6; n++) {
      if (n === 3) proxy.cut();
      if (n === 5) await server.crash();
      await publish(url, { key: "A", set: { n } });
      await reaches(feed, 2 + n);
    }
    expect(proxy.seen[kind]).toBeGreaterThan(0);
    expect(backwards).toEqual([]);
    // It resumed each time: there was one snapshot, the first.
    expect(reasons).toEqual(["initial"]);
    expect(Object.fromEntries(feed.entries())).toEqual((await snapshot(url)).entries);

    await feed.select({ keys: ["B"] });
    await publish(url, [
      { key: "A", set: { n: 100 } },
      { key: "B", set: { n: 100 } },
    ]);
    await reaches(feed, 10);
    expect(Object.fromEntries(feed.entries())).toEqual({ B: { n: 100 } });
    feed.close();
    proxy.close();
    await server.dispose();
  });
});

describe.concurrent("[I2] the client leaves a way that does not work for another", () => {
  test.each([
    ["are refused", "refused", false, 10_000],
    ["are reset", "reset", false, 10_000],
    ["are never answered", "unanswered", false, 12_000],
    ["are answered, and every frame is swallowed", "swallowed", false, 12_000],
    ["are never answered and streams are held back", "unanswered", true, 18_000],
    ["are answered, every frame is swallowed and streams are held back", "swallowed", true, 18_000],
  ] as const)("within seconds, where upgrades %s", async (_, upgrades, holdsStreams, most) => {
    const name = `left-${upgrades}-${holdsStreams ? "polls" : "streams"}`;
    await publish(feedUrl(name), { key: "A", set: { n: 1 } });
    const proxy = await BlockingProxy.start(server.url, { upgrades, holdsStreams });
    const began = Date.now();
    const feed = connect<{ n: number }>(proxy.url, name);
    await isLive(feed);
    expect(Date.now() - began).toBeLessThan(most);
    await publish(feedUrl(name), { key: "A", set: { n: 2 } });
    await reaches(feed, 2);
    expect(feed.get("A")).toEqual({ n: 2 });
    expect(proxy.seen.upgrades).toBeLessThanOrEqual(2);
    feed.close();
    proxy.close();
  });
});

test.concurrent("[I2] over long-polling, a change after a quiet time of what is selected follows on it without a gap", async () => {
  const name = "quiet-polls";
  const url = feedUrl(name);
  await publish(url, { key: "B", set: { n: 0 } });
  const proxy = await BlockingProxy.start(server.url, { upgrades: "reset", holdsStreams: true, mostWait: 1 });
  const feed = connect<{ n: number }>(proxy.url, name, { keys: ["B"] });
  await isLive(feed, 40_000);
  const news: string[] = [];
  feed.on("status", ({ state, reason }) => void news.push(`${state}: ${reason}`));
  for (let n = 1; n <= 3; n++) {
    await publish(url, { key: "A", set: { n } });
    // By an answer that nothing has changed.
    await reaches(feed, 2 * n);
    await publish(url, { key: "B", set: { n } });
    await reaches(feed, 2 * n + 1);
    expect(feed.get("B")).toEqual({ n });
  }
  expect(news).toEqual([]);
  feed.close();
  proxy.close();
});
