import { afterEach, expect, test, vi } from "vitest";
import { newFeed, publish, request } from "../support/api.ts";

const MINUTE = 60_000;
/** Long timers run this much faster. The platform lets a timer fire only for the request that set it, so none is faked. */
const FASTER = 5_000;

afterEach(() => void vi.restoreAllMocks());

test("[SSE3] a stream says when to come back, has a comment every 20 seconds, and ends after 15 to 22.5 minutes", async () => {
  const { setInterval, setTimeout } = globalThis;
  const every: number[] = [];
  const after: number[] = [];
  vi.spyOn(globalThis, "setInterval").mockImplementation((call: () => void, ms = 0) => {
    every.push(ms);
    return setInterval(call, ms / FASTER);
  });
  vi.spyOn(globalThis, "setTimeout").mockImplementation((call: () => void, ms = 0) => {
    if (ms < MINUTE) return setTimeout(call, ms);
    after.push(ms);
    return setTimeout(call, ms / FASTER);
  });
  const feed = newFeed();
  await publish(feed, { key: "A", set: { p: 1 } });
  const response = await request(`/v1/feeds/${feed}`, { headers: { Accept: "text/event-stream" } });
  // It comes to its end by itself.
  const text = await response.text();
  const retry = Number(/^retry: (\d+)\n\n/.exec(text)?.[1]);
  expect(retry).toBeGreaterThanOrEqual(2_000);
  expect(retry).toBeLessThanOrEqual(3_000);
  expect(text).toContain("event: snapshot\n");
  expect(text.match(/^:$/gm)?.length).toBeGreaterThan(1);
  expect(every).toEqual([20_000]);
  expect(after).toHaveLength(1);
  expect(after[0]).toBeGreaterThanOrEqual(15 * MINUTE);
  expect(after[0]).toBeLessThanOrEqual(22.5 * MINUTE);
});
