import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connect, type Feed, type FeedOptions } from "../../src/client/index.ts";
import { FakeSocket, Socket } from "./support/fake-socket.ts";

// The server's clock, and that of this machine, which is an hour ahead.
const NOON = 1_700_000_000_000;
const HERE = NOON + 3_600_000;

beforeEach(() => void vi.useFakeTimers({ now: HERE }));
afterEach(() => {
  feed.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

let feed: Feed<Record<string, unknown>>;

/** A live feed that last changed at `time`. */
function open(time: number | undefined, hello: object = {}, options: FeedOptions = {}, seq = time === 0 ? 0 : 1): void {
  feed = connect("http://feeds.test", "stocks", { WebSocket: Socket, ...options });
  FakeSocket.last.say({ type: "hello", epoch: "e1", seq, time, ...hello });
  FakeSocket.last.say({ type: "snapshot", epoch: "e1", seq, time, reason: "initial", entries: {} });
  expect(feed.state).toBe("live");
}

/** An update that was made now. */
function publish(from: number, time = Date.now() - HERE + NOON, more: object = {}): void {
  const updates = [{ key: "A", set: { n: from }, ...more }];
  FakeSocket.last.say({ type: "update", from, seq: from + 1, time, updates });
}

/** Time passes; the server answers pings. */
function pass(seconds: number): void {
  for (let i = 0; i < seconds; i++) {
    vi.advanceTimersByTime(1_000);
    FakeSocket.last.text("pong");
  }
}

test("a feed says when it last changed, by the server's clock", () => {
  open(NOON - 5_000);
  expect(feed.changedAt).toBe(NOON - 5_000);
  publish(1, NOON);
  expect([feed.changedAt, feed.getSnapshot().changedAt]).toEqual([NOON, NOON]);
});

test("one that nothing was ever published to is told apart from one that is empty now", () => {
  open(0);
  expect([feed.size, feed.exists, feed.changedAt]).toEqual([0, false, 0]);
  publish(0);
  expect([feed.exists, feed.getSnapshot().exists]).toEqual([true, true]);
  feed.close();
  open(NOON);
  expect([feed.size, feed.exists]).toEqual([0, true]);
  feed.close();
  // A server of before.
  open(undefined, {}, {}, 0);
  expect([feed.size, feed.exists, feed.changedAt]).toEqual([0, undefined, undefined]);
});

test("a feed is silent once nothing has changed for as long as it declares, and no more with the next change", () => {
  open(NOON, { silentAfter: 30 });
  const told: (number | undefined)[] = [];
  feed.on("status", ({ silentSince }) => void told.push(silentSince));
  publish(1);
  pass(29);
  publish(2);
  pass(29);
  expect(told).toEqual([undefined]);
  pass(1);
  expect(feed.status).toMatchObject({ state: "live", silentSince: HERE + 29_000 });
  publish(3);
  expect(told.slice(1)).toEqual([HERE + 29_000, undefined]);
});

test("a page that comes to a silent feed is told at once, also if its clock is behind", () => {
  open(NOON - 60_000, { silentAfter: 30 });
  expect(feed.status.silentSince).toBe(NOON - 60_000);
  feed.close();
  vi.setSystemTime(NOON - 3_600_000);
  open(NOON, { silentAfter: 30 });
  expect(feed.status.silentSince).toBeUndefined();
  pass(30);
  expect(feed.status.silentSince).toBe(NOON - 3_600_000);
});

test("once an update has come, a clock that is ahead makes no difference", () => {
  open(NOON - 60_000, { silentAfter: 30 });
  publish(1);
  FakeSocket.last.end(1012);
  vi.advanceTimersByTime(1_000);
  vi.setSystemTime(HERE + 60_000);
  const seq = 2;
  const time = NOON + 50_000;
  FakeSocket.last.say({ type: "hello", epoch: "e1", seq, time, silentAfter: 30 });
  FakeSocket.last.say({ type: "update", from: seq, seq, time, updates: [] });
  expect(feed.status).toMatchObject({ state: "live", silentSince: undefined });
});

test("the user's own silentAfter wins; without any, a feed is never silent", () => {
  open(NOON, { silentAfter: 30 }, { silentAfter: 120 });
  publish(1);
  pass(119);
  expect(feed.status.silentSince).toBeUndefined();
  pass(1);
  expect(feed.status.silentSince).toBe(HERE);
  feed.close();
  open(NOON - 86_400_000);
  pass(60);
  expect(feed.status.silentSince).toBeUndefined();
});

test("changes keep the time and the version of their update", async () => {
  open(NOON);
  const seen: unknown[] = [];
  feed.on("change", (changes) => void seen.push(...changes));
  publish(1, NOON, { time: 5, version: 7 });
  publish(2, NOON);
  expect(seen).toEqual([
    { key: "A", value: { n: 1 }, previous: undefined, time: 5, version: 7 },
    { key: "A", value: { n: 2 }, previous: { n: 1 } },
  ]);
});
