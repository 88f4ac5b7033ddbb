import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Feed } from "../../src/client/index.ts";
import { publish, snapshot } from "./support/api.ts";
import { BlockingProxy } from "./support/blocking-proxy.ts";
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

describe.each([
  ["streams of events where no WebSocket gets through", false, "streams"],
  ["polling where streams are held back too", true, "polls"],
] as const)("the client falls back to %s", (_, holdsStreams, kind) => {
  test("goes on over cuts and a crash of the server, and keeps its position", async () => {
    const name = `over-${kind}`;
    const url = feedUrl(name);
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
    await until(() => feed.state === "live", "live");
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
  });
});
