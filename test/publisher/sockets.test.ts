import { afterEach, describe, expect, test, vi } from "vitest";
import { PROBLEMS } from "../../src/protocol/codes.ts";
import { parseSessionKey } from "../../src/protocol/session-key.ts";
import { STATUSES } from "../../src/publisher/answer.ts";
import { PublishUnknownError } from "../../src/publisher/index.ts";
import { MINUTE, often, pass, publishEach, SECOND, setUpOpen, setUpSockets, tick } from "./set-up.ts";
import type { MessageFate } from "./socket-endpoint.ts";

afterEach(() => vi.useRealTimers());

const ticks = (to: number) => Array.from({ length: to }, (_, n) => tick("A", n + 1));

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

test("errors over a socket have the statuses that they have over HTTP", () => {
  const ofAll = new Map<unknown, number>(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]));
  for (const [code, status] of STATUSES) expect(ofAll.get(code), String(code)).toBe(status);
});
