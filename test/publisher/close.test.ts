import { afterEach, expect, test, vi } from "vitest";
import { PublisherClosedError, PublishRefusedError } from "../../src/publisher/index.ts";
import { count, often, outcome, setUp, tick } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

test("close sends what waits and takes nothing more", async () => {
  const { publisher, server, statuses } = setUp(["lost"]);
  void publisher.publish(count(3));
  const closed = publisher.close();
  await expect(publisher.publish(tick("A", 1))).rejects.toBeInstanceOf(PublisherClosedError);
  await expect(publisher.ready()).rejects.toBeInstanceOf(PublisherClosedError);
  expect(await outcome(closed)).toEqual({ value: [] });
  expect(server.applied).toEqual(count(3));
  expect(statuses.map(({ state }) => state)).toEqual(["away", "delivering", "closed"]);
});

test("aborted, close gives the updates without a receipt, and each publish tells whether it may have been applied", async () => {
  const { publisher } = setUp(["accept", ...often(50, "lost" as const)], { batchUpdates: 2 });
  await outcome(publisher.publish(count(1)));
  const sent = publisher.publish(count(2));
  const waiting = publisher.publish(tick("B", 1));
  await vi.advanceTimersByTimeAsync(5_000);
  const stop = new AbortController();
  const closed = publisher.close({ signal: stop.signal });
  await vi.advanceTimersByTimeAsync(5_000);
  stop.abort();
  expect(await closed).toEqual([...count(2), tick("B", 1)]);
  await expect(sent).rejects.toThrow("may have been applied");
  await expect(waiting).rejects.toBeInstanceOf(PublisherClosedError);
  // Nothing is left that keeps a process alive.
  expect(vi.getTimerCount()).toBe(0);
});

test("aborted while a refused batch is sent in parts, it gives only the parts without an answer", async () => {
  const { publisher } = setUp([{ status: 422 }, "accept", "hang"]);
  const done = publisher.publish(tick("A", 1));
  void publisher.publish(tick("B", 1));
  await vi.advanceTimersByTimeAsync(10);
  expect(await publisher.close({ signal: AbortSignal.abort() })).toEqual([tick("B", 1)]);
  expect(await done).toMatchObject({ seq: 1 });
});

test("aborted during a request, it does not wait for the answer", async () => {
  const { publisher } = setUp(["hang"]);
  const sent = publisher.publish(count(1));
  await vi.advanceTimersByTimeAsync(10);
  const closed = publisher.close({ signal: AbortSignal.abort() });
  await expect(closed).resolves.toEqual(count(1));
  await expect(sent).rejects.toThrow("may have been applied");
});

test("flush and close reject with a refusal that no caller handled, once", async () => {
  const { publisher } = setUp();
  void publisher.publish(tick("bad", 1));
  expect(await outcome(publisher.flush())).toEqual({ error: expect.any(PublishRefusedError) });
  expect(await outcome(publisher.flush())).toEqual({ value: undefined });
  void publisher.publish(tick("bad", 1));
  expect(await outcome(publisher.close())).toEqual({ error: expect.any(PublishRefusedError) });
});
