import { afterEach, describe, expect, test, vi } from "vitest";
import { createPublisher } from "../../src/publisher/index.ts";
import { MINUTE, often, outcome, pass, publishEach, SECOND, setUpOpen, setUpSockets, START, tick } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

const ticks = (to: number) => Array.from({ length: to }, (_, n) => tick("A", n + 1));

describe("which way is used", () => {
  test("the first publish waits for no socket; what soon follows gets one, and the status says so", async () => {
    const { publisher, posts, sockets, statuses, feed } = setUpSockets();
    expect(publisher.status).toEqual({ state: "delivering", transport: "http" });
    void publisher.publish(tick("A", 1));
    await pass(1);
    expect([posts.seen.length, sockets.sockets.length, feed.applied.length]).toEqual([1, 0, 1]);
    void publisher.publish(tick("A", 2));
    await pass(100);
    expect([posts.seen.length, sockets.sockets.length, feed.applied.length]).toEqual([2, 1, 2]);
    void publisher.publish(tick("A", 3));
    await pass(100);
    expect([posts.seen.length, sockets.seen.length]).toEqual([2, 1]);
    expect(feed.applied).toEqual(ticks(3));
    expect(statuses).toEqual([{ state: "delivering", transport: "websocket" }]);
    expect(sockets.last.url).toBe("ws://feed.test/v1/feeds/stocks?publish=only");
    expect(sockets.last.protocols).toEqual(["tickertape.v1", "bearer.publish-key"]);
    await publisher.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a publisher that publishes seldom opens no socket", async () => {
    const { publisher, posts, sockets } = setUpSockets();
    for (let n = 0; n < 5; n++) {
      await outcome(publisher.publish(tick("A", n)));
      await pass(2 * MINUTE);
    }
    expect([posts.seen.length, sockets.sockets.length]).toEqual([5, 0]);
  });

  test("an idle socket is pinged, closed after a minute, and opened again", async () => {
    const { publisher, sockets } = await setUpOpen();
    await pass(55 * SECOND);
    expect(sockets.last.isLeft).toBe(false);
    expect(sockets.last.texts.filter((text) => text === "ping")).toHaveLength(3);
    await pass(10 * SECOND);
    expect(sockets.last.isLeft).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(publisher.status.state).toBe("delivering");
    expect(await outcome(publisher.publish(tick("A", 1)))).toMatchObject({ value: { seq: 1 } });
    expect(sockets.sockets).toHaveLength(2);
  });

  test("a line that hangs while it is idle is left", async () => {
    const { sockets } = await setUpOpen();
    sockets.last.close = () => {};
    sockets.last.send = () => {};
    await pass(45 * SECOND);
    expect(sockets.last.isLeft).toBe(true);
  });

  test.each(["refused", "silent"] as const)(
    "where sockets are %s it goes on by POST, and tries one ever more seldom",
    async (fate) => {
      const { publisher, posts, sockets, feed, statuses } = setUpSockets({ opens: often(1_000, fate) });
      for (let n = 1; n <= 600; n++) {
        void publisher.publish(tick("A", n));
        await pass(5 * SECOND);
      }
      expect(feed.applied).toEqual(ticks(600));
      expect(posts.seen).toHaveLength(600);
      expect(statuses).toEqual([]);
      // In 50 minutes.
      expect(sockets.sockets.length).toBeGreaterThan(5);
      expect(sockets.sockets.length).toBeLessThan(40);
    },
  );

  test("a socket that works again is used again", async () => {
    const { publisher, posts } = setUpSockets({ opens: often(3, "refused") });
    for (let n = 1; n <= 30; n++) {
      void publisher.publish(tick("A", n));
      await pass(2 * SECOND);
    }
    expect(posts.seen.length).toBeLessThan(25);
    expect(publisher.status).toMatchObject({ transport: "websocket" });
  });

  test("sockets that die young again and again are tried ever more seldom", async () => {
    const { publisher, sockets, feed } = setUpSockets({ messages: often(1_000, "cut") });
    for (let n = 1; n <= 600; n++) {
      void publisher.publish(tick("A", n));
      await pass(SECOND);
    }
    expect(feed.applied).toEqual(ticks(600));
    expect(sockets.sockets.length).toBeLessThan(20);
  });

  test("after an outage of the server, however long, a socket is soon there again", async () => {
    const { publisher, posts, sockets, feed } = setUpSockets(
      {
        messages: ["accept", "cut"],
        posts: ["accept", "accept", ...often<"refused connection">(60, "refused connection")],
      },
      { batchUpdates: 1 },
    );
    void (await publishEach(publisher, 1, 2));
    await pass(20);
    vi.spyOn(sockets, "opens").mockImplementation(() => (posts.seen.length > 62 ? "open" : "refused"));
    void (await publishEach(publisher, 3, 6));
    await pass(2 * MINUTE);
    expect(publisher.status.state).toBe("away");
    for (let seconds = 0; feed.applied.length < 6 && seconds < 480; seconds++) await pass(SECOND);
    for (let n = 7; n <= 12; n++) {
      void publisher.publish(tick("A", n));
      await pass(SECOND);
    }
    expect(feed.applied).toEqual(ticks(12));
    expect(publisher.status).toMatchObject({ transport: "websocket" });
  });

  test("a server that knows no sockets which only publish gets POSTs", async () => {
    const { publisher, posts, sockets, feed } = setUpSockets();
    void (await publishEach(publisher, 1, 2));
    await pass(12);
    sockets.last.say({ type: "snapshot", epoch: "first", seq: 1, reason: "initial", entries: {} });
    await pass(10);
    expect(sockets.last.isLeft).toBe(true);
    await outcome(publisher.publish(tick("A", 3)));
    expect(posts.seen).toHaveLength(3);
    expect(feed.applied).toEqual(ticks(3));
  });

  test("`http` opens no socket, and neither does a `fetch` of one's own without a `WebSocket`", async () => {
    for (const options of [{ transport: "http" as const }, { WebSocket: undefined }]) {
      const { publisher, sockets } = setUpSockets({}, options);
      const open = vi.fn();
      vi.stubGlobal("WebSocket", open);
      void (await publishEach(publisher, 1, 20));
      await pass(SECOND);
      expect([sockets.sockets.length, open.mock.calls.length]).toEqual([0, 0]);
      vi.unstubAllGlobals();
    }
  });

  test("`websocket` never POSTs, and needs a WebSocket", async () => {
    const { publisher, posts, feed, statuses } = setUpSockets(
      { opens: ["refused", "silent"] },
      { transport: "websocket" },
    );
    expect(publisher.status).toMatchObject({ transport: "websocket" });
    expect(await outcome(publisher.publish(tick("A", 1)))).toMatchObject({ value: { seq: 1 } });
    expect([posts.seen.length, feed.applied.length]).toEqual([0, 1]);
    expect(statuses.map((status) => (status.state === "away" ? status.reason : status.state))).toEqual([
      "the connection was lost (1006)",
      "the server does not answer",
      "delivering",
    ]);
    vi.stubGlobal("WebSocket", undefined);
    expect(() => createPublisher({ url: "http://feed.test", feed: "stocks", transport: "websocket" })).toThrow(
      new TypeError("no WebSocket here (Node 22 has one): give one as an option"),
    );
    vi.unstubAllGlobals();
  });

  test("giveUpAfter counts where nothing can be reached", async () => {
    const { publisher } = setUpSockets(
      { opens: often(100, "refused") },
      { transport: "websocket", giveUpAfter: 20_000 },
    );
    const ended = await outcome(publisher.publish(tick("A", 1)));
    expect(ended).toMatchObject({ error: { name: "PublishRefusedError" } });
    expect(Date.now() - START).toBeLessThan(40_000);
  });
});
