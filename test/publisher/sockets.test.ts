import { afterEach, describe, expect, test, vi } from "vitest";
import { PROBLEMS } from "../../src/protocol/codes.ts";
import { parseSessionKey } from "../../src/protocol/session-key.ts";
import { STATUSES } from "../../src/publisher/answer.ts";
import { createPublisher, PublishUnknownError, type Publisher } from "../../src/publisher/index.ts";
import { often, outcome, setUpSockets, START, tick, token, type Fates } from "./set-up.ts";
import type { MessageFate } from "./socket-endpoint.ts";

afterEach(() => vi.useRealTimers());

const SECOND = 1_000;
const MINUTE = 60_000;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Publishes updates numbered from `from`, each as a batch of its own. */
async function publishEach(publisher: Publisher, from: number, to: number) {
  const receipts = [];
  for (let n = from; n <= to; n++) {
    const receipt = publisher.publish(tick("A", n));
    receipt.catch(() => {});
    receipts.push(receipt);
    await Promise.resolve();
  }
  return receipts;
}

/** A token that ends in so many seconds. */
const soon = (seconds: number, claims: object = {}) =>
  token({ sub: "alice", exp: Math.round(Date.now() / 1000) + seconds, ...claims });

const ticks = (to: number) => Array.from({ length: to }, (_, n) => tick("A", n + 1));

/** A publisher whose socket is open. */
async function setUpOpen(fates: Fates = {}, options: Parameters<typeof setUpSockets>[1] = {}) {
  const all = setUpSockets(fates, { transport: "websocket", batchUpdates: 1, ...options });
  void all.publisher.publish({ key: "first", set: {} });
  await pass(50);
  all.feed.applied.length = 0;
  all.sockets.mostInFlight = 0;
  return all;
}

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
      new TypeError("no WebSocket (Node 22 has one)"),
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

describe("under way", () => {
  test("16 batches at a time, and what is published meanwhile is gathered into the next", async () => {
    const { publisher, sockets, feed } = await setUpOpen({}, { batchUpdates: 1_000 });
    void (await publishEach(publisher, 1, 50));
    await pass(SECOND);
    expect(sockets.mostInFlight).toBe(16);
    expect(sockets.seen.slice(1).map(({ updates }) => JSON.parse(updates).length)).toEqual([...often(16, 1), 34]);
    expect(feed.applied).toEqual(ticks(50));
  });

  test("`inFlight` changes that", async () => {
    const { publisher, sockets } = await setUpOpen({}, { inFlight: 3 });
    void (await publishEach(publisher, 1, 50));
    await pass(SECOND);
    expect(sockets.mostInFlight).toBe(3);
  });

  test("some megabytes at a time", async () => {
    const { publisher, sockets } = await setUpOpen();
    for (let n = 0; n < 10; n++) void publisher.publish(often(10, { key: "A", set: { n, text: "x".repeat(60_000) } }));
    await pass(SECOND);
    expect(sockets.mostInFlight).toBe(4);
  });

  test("what a slow line does not take is not sent, so that it can still be replaced", async () => {
    const { publisher, sockets, feed } = await setUpOpen({}, { conflate: true, batchUpdates: 1_000 });
    void publisher.publish({ key: "A", set: { n: 1 } });
    await Promise.resolve();
    sockets.last.bufferedAmount = 100_000;
    for (const n of [2, 3, 4]) void publisher.publish({ key: "A", set: { n } });
    await Promise.resolve();
    sockets.last.bufferedAmount = 0;
    await pass(SECOND);
    expect(feed.applied).toEqual([
      { key: "A", set: { n: 1 } },
      { key: "A", set: { n: 4 } },
    ]);
  });
});

describe("[I1] what comes back", () => {
  test("what a cut leaves in doubt is sent again with the same key and updates, also the other way", async () => {
    const { publisher, posts, sockets, feed } = setUpSockets(
      { messages: ["accept", "receipt lost"], opens: ["open", "refused", "refused"] },
      { batchUpdates: 1 },
    );
    void (await publishEach(publisher, 1, 2));
    await pass(20);
    void (await publishEach(publisher, 3, 10));
    await pass(3 * SECOND);
    expect(feed.applied).toEqual(ticks(10));
    const [, lost] = sockets.seen;
    expect(parseSessionKey(lost?.key ?? "")).toMatchObject({ number: 4 });
    expect(posts.seen.find(({ key }) => key === lost?.key)?.body).toBe(lost?.updates);
    expect(feed.sessions.size).toBe(1);
  });

  test("after a refusal nothing is sent before all that is under way has come back", async () => {
    const { publisher, sockets, feed } = await setUpOpen({
      messages: ["accept", { code: "overloaded" }, "accept", "hang"],
    });
    const before = sockets.seen.length;
    void (await publishEach(publisher, 1, 4));
    await pass(9 * SECOND);
    expect(sockets.seen.slice(before)).toHaveLength(3);
    expect(publisher.status.state).toBe("delivering");
    await pass(10 * SECOND);
    expect(feed.applied).toEqual(ticks(4));
  });

  test("a batch whose answer is missing is repeated, although later ones are answered", async () => {
    const { publisher, feed } = await setUpOpen({ messages: ["accept", "unanswered"] });
    const [missing] = await publishEach(publisher, 1, 1);
    const isDone = vi.fn();
    void missing?.then(isDone);
    for (let n = 2; n <= 40 && isDone.mock.calls.length === 0; n++) {
      void publisher.publish(tick("A", n));
      await pass(SECOND);
    }
    expect(isDone).toHaveBeenCalled();
    expect(feed.applied).toEqual(ticks(feed.applied.length));
  });

  test("it waits as long as it is told to, and is gentle at first", async () => {
    const { publisher, sockets, feed, statuses } = await setUpOpen({
      messages: ["accept", { code: "rate_limited", retryAfter: 7 }],
    });
    void (await publishEach(publisher, 1, 16));
    await pass(6.9 * SECOND);
    expect(statuses.at(-1)).toMatchObject({ state: "away", reason: "429 rate_limited not now" });
    const before = sockets.seen.length;
    expect(before).toBe(17);
    sockets.mostInFlight = 0;
    await pass(SECOND);
    expect(feed.applied).toEqual(ticks(16));
    // Each receipt lets one more out.
    expect(sockets.seen.slice(before, before + 3).map(({ at }) => at - (sockets.seen[before]?.at ?? 0))).toEqual([
      0, 10, 10,
    ]);
  });

  test.each<[MessageFate, string]>([
    [{ close: 1012 }, "a restart"],
    [{ close: 4429 }, "too much"],
    [{ close: 4503 }, "an overload"],
    [{ close: 4400 }, "a message that it does not understand"],
    [{ code: "outcome_unknown", retryAfter: 1 }, "an outcome that the feed does not know"],
    [{ unknown: "applied" }, "the same, although it was applied"],
    ["hang", "a line that says nothing more"],
  ])("%j: %s: all goes on, once and in order", async (fate) => {
    for (const transport of ["auto", "websocket"] as const) {
      const { publisher, feed } = setUpSockets(
        { messages: ["accept", "accept", fate] },
        { transport, batchUpdates: 1 },
      );
      void (await publishEach(publisher, 1, 2));
      await pass(50);
      const receipts = await publishEach(publisher, 3, 20);
      await pass(2 * MINUTE);
      expect(feed.applied).toEqual(ticks(20));
      await Promise.all(receipts);
      vi.useRealTimers();
    }
  });

  test("after the feed was removed, what was in doubt is unknown, and the rest goes to the new one", async () => {
    const { publisher, feed } = await setUpOpen({ messages: ["accept", { unknown: "applied" }] });
    const [lost, ...rest] = await publishEach(publisher, 1, 3);
    await pass(20);
    feed.forget();
    await pass(5 * SECOND);
    await expect(lost).rejects.toBeInstanceOf(PublishUnknownError);
    expect(await Promise.all(rest)).toHaveLength(2);
    expect(feed.applied.slice(-2)).toEqual(ticks(3).slice(1));
  });

  test("aborted, close calls unknown what is under way, and nothing is left", async () => {
    const { publisher, sockets } = await setUpOpen({ messages: ["accept", "hang"] }, { inFlight: 2 });
    const receipts = await publishEach(publisher, 1, 3);
    await pass(SECOND);
    expect(await publisher.close({ signal: AbortSignal.abort() })).toEqual(ticks(3));
    const names = receipts.map((receipt) => receipt.catch((error: Error) => error.name));
    expect(await Promise.all(names)).toEqual(["PublishUnknownError", "PublishUnknownError", "PublisherClosedError"]);
    expect([sockets.last.isLeft, vi.getTimerCount()]).toEqual([true, 0]);
  });
});

describe("credentials", () => {
  test("a function is asked for each socket, and its next token is given before the present one ends", async () => {
    const keys: string[] = [];
    const key = () => {
      keys.push(soon(100 * (keys.length + 1)));
      return keys.at(-1);
    };
    const { publisher, sockets } = await setUpOpen({}, { key });
    for (let second = 0; second < 75; second++) {
      void publisher.publish(tick("A", second));
      await pass(SECOND);
    }
    const auths = sockets.last.texts.filter((text) => text.includes('"auth"'));
    expect(auths).toEqual([JSON.stringify({ type: "auth", id: 0, token: keys[1] })]);
    expect([keys.length, sockets.sockets.length]).toEqual([2, 1]);
  });

  test("a token of another principal gets a socket and a session of its own", async () => {
    const subs = ["alice", "bob"];
    const key = () => soon(100, { sub: subs.shift() ?? "bob" });
    const { publisher, sockets, feed } = await setUpOpen({}, { key });
    for (let second = 1; second <= 75; second++) {
      void publisher.publish(tick("A", second));
      await pass(SECOND);
    }
    expect(sockets.sockets).toHaveLength(2);
    expect([...feed.sessions.keys()].map((name) => name.split(" ")[0])).toEqual(["alice", "bob"]);
    expect(feed.applied).toEqual(ticks(75));
  });

  test.each([
    [4401, "unauthorized"],
    [4403, "forbidden"],
  ])("%i ends a publisher with one key", async (close, code) => {
    const { publisher } = await setUpOpen({ messages: ["accept", "accept", { close }] });
    const [done, unknown] = await publishEach(publisher, 1, 2);
    await pass(SECOND);
    expect(await done).toMatchObject({ seq: 1 });
    await expect(unknown).rejects.toBeInstanceOf(PublishUnknownError);
    expect(publisher.status).toMatchObject({ state: "closed", reason: expect.stringContaining(String(close)) });
    await expect(publisher.publish(tick("A", 3))).rejects.toMatchObject({ status: close - 4000, code });
    expect(await publisher.close({ signal: AbortSignal.abort() })).toEqual([]);
    expect(publisher.pending).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("4401 makes a function be asked again", async () => {
    const { publisher, feed } = await setUpOpen(
      { messages: ["accept", "accept", { close: 4401 }] },
      { key: () => soon(9) },
    );
    const receipts = await publishEach(publisher, 1, 5);
    await pass(5 * SECOND);
    await Promise.all(receipts);
    expect(feed.applied).toEqual(ticks(5));
  });

  test("one that throws is asked again after a while", async () => {
    let asked = 0;
    const key = () => {
      if (++asked < 3) throw new Error("the vault is locked");
      return "key";
    };
    const { publisher, statuses } = setUpSockets({}, { key, transport: "websocket" });
    expect(await outcome(publisher.publish(tick("A", 1)))).toMatchObject({ value: { seq: 1 } });
    expect(statuses[0]).toMatchObject({ state: "away", reason: "there is no key: the vault is locked" });
  });
});

test("errors over a socket have the statuses that they have over HTTP", () => {
  const ofAll = new Map<unknown, number>(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]));
  for (const [code, status] of STATUSES) expect(ofAll.get(code), String(code)).toBe(status);
});
