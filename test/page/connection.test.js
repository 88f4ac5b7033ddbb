// @ts-check
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoff } from "../../public/backoff.js";
import { Connection } from "../../public/connection.js";

/** A socket that does what the test says. */
class FakeSocket extends EventTarget {
  static OPEN = 1;
  /** @type {FakeSocket[]} */ static all = [];
  readyState = 0;
  /** @type {string[]} */ sent = [];
  closed = false;

  constructor() {
    super();
    FakeSocket.all.push(this);
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(text);
  }
  close() {
    this.closed = true;
  }
  opens() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  /** @param {string} data */
  hears(data) {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
  /** @param {number} code */
  loses(code, reason = "") {
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }
}

const newest = () => /** @type {FakeSocket} */ (FakeSocket.all.at(-1));

/** @param {string | null} [why] What asking for a refusal answers. */
function connect(why = null) {
  /** @type {string[]} */
  const states = [];
  const refusal = vi.fn(async () => why);
  const connection = new Connection({
    address: () => "ws://feed.test/",
    refusal,
    onText: () => connection.live(),
    onState: (state) => states.push(state.name),
  });
  connection.start();
  return { connection, states, refusal };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("backoff", () => {
  it("grows from 250 ms to 30 s, and never past either", () => {
    expect(backoff(0, 0)).toBe(250);
    expect(backoff(0, 1)).toBe(1000);
    expect(backoff(1, 1)).toBe(2000);
    expect(backoff(5000, 0)).toBe(250);
    expect(backoff(5000, 1)).toBe(30_000);
  });
});

describe("Connection", () => {
  it("comes back after a loss, and is live when its owner says so", () => {
    const { states } = connect();
    newest().opens();
    newest().hears("{}");
    newest().loses(1012);
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.all).toHaveLength(2);
    newest().opens();
    newest().hears("{}");
    expect(states).toEqual(["connecting", "live", "reconnecting", "reconnecting", "live"]);
  });

  it.each([4400, 4401, 4403])("does not come back from %i by itself", (code) => {
    const { connection, states } = connect();
    newest().opens();
    newest().loses(code, "why");
    connection.wake();
    vi.advanceTimersByTime(600_000);
    expect(states.at(-1)).toBe("refused");
    expect(FakeSocket.all).toHaveLength(1);
    connection.start();
    expect(FakeSocket.all).toHaveLength(2);
  });

  it.each([1000, 1006, 1012, 4429, 4503])("comes back from %i", (code) => {
    connect();
    newest().opens();
    newest().loses(code);
    vi.advanceTimersByTime(30_000);
    expect(FakeSocket.all.length).toBeGreaterThan(1);
  });

  it("backs off from a server that cuts at once", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    connect();
    for (let time = 0; time < 60_000; time += 50) {
      if (newest().readyState === 0) newest().opens();
      newest().hears("{}");
      newest().loses(1006);
      vi.advanceTimersByTime(50);
    }
    expect(FakeSocket.all.length).toBeLessThan(10);
  });

  it("drops a socket that leaves a ping unanswered", () => {
    const { states } = connect();
    const socket = newest();
    socket.opens();
    vi.advanceTimersByTime(19_999);
    expect(socket.sent).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(socket.sent).toEqual(["ping"]);
    vi.advanceTimersByTime(10_000);
    expect(socket.closed).toBe(true);
    expect(states.at(-1)).toBe("reconnecting");
  });

  it("keeps a socket that answers pong, and shows the pong to nobody", () => {
    const { states } = connect();
    newest().opens();
    vi.advanceTimersByTime(20_000);
    newest().hears("pong");
    vi.advanceTimersByTime(29_000);
    expect(newest().closed).toBe(false);
    expect(states).toEqual(["connecting"]);
  });

  it("does not sit out a delay when woken, nor loop when woken often", () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const { connection } = connect();
    newest().loses(1006);
    for (let i = 0; i < 100; i++) connection.wake();
    vi.advanceTimersByTime(250);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("asks why an upgrade failed, and stops where it is refused", async () => {
    const { states, refusal } = connect("the feed is private (403)");
    newest().loses(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(refusal).toHaveBeenCalledOnce();
    expect(states.at(-1)).toBe("refused");
  });

  it("gives up on an attempt that does not open within 10 s", () => {
    connect();
    vi.advanceTimersByTime(10_000);
    expect(FakeSocket.all[0]?.closed).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(FakeSocket.all).toHaveLength(2);
  });
});
