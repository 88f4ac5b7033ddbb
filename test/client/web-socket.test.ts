import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { normaliseSelection } from "../../src/client/selection.ts";
import { feedUrl } from "../../src/client/feed-url.ts";
import { connect } from "../../src/client/index.ts";
import { tokenExpiry } from "../../src/connecting/token.ts";
import { webSocketTransport } from "../../src/client/web-socket.ts";
import type { Link, LinkRequest } from "../../src/client/transport.ts";
import { FakeSocket, Socket } from "./support/fake-socket.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(request: Partial<LinkRequest>, heard: unknown[] = []): Link {
  const feed = feedUrl("https://feeds.test", "stocks");
  const asked = { feed, selection: {}, since: undefined, token: undefined, ...request };
  return webSocketTransport(Socket).open(asked, {
    message: (frame) => heard.push(frame),
    closed: (code, reason) => heard.push([code, reason]),
  });
}

function made(request: Partial<LinkRequest>): [url: string, protocols: readonly string[]] {
  open(request);
  return [FakeSocket.last.url, FakeSocket.last.protocols];
}

describe("what a WebSocket asks for", () => {
  test("selection and position", () => {
    const selection = { keys: ["AAPL", "tech.*"], fields: ["last", "bid"], hz: 0.5, mode: "all" as const };
    expect(made({ selection, since: "e1:5" })).toEqual([
      "wss://feeds.test/v1/feeds/stocks?keys=AAPL%2Ctech.*&fields=last%2Cbid&hz=0.5&mode=all&since=e1%3A5",
      ["tickertape.v1"],
    ]);
    expect(made({ selection: { keys: [] } })[0]).toBe("wss://feeds.test/v1/feeds/stocks");
  });

  test("a token goes where no log has it", () => {
    expect(made({ token: "abc.d-e_f" })).toEqual([
      "wss://feeds.test/v1/feeds/stocks",
      ["tickertape.v1", "bearer.abc.d-e_f"],
    ]);
    expect(made({ token: "" })[1]).toEqual(["tickertape.v1"]);
  });

  test.each([
    ["a/b+c=", "base64url.YS9iK2M9"],
    [
      "kT0/Zz+Q3m8eB6dH1yVx9rJ2wLqFsA4uNcXgPiEo5k0=",
      "base64url.a1QwL1p6K1EzbThlQjZkSDF5Vng5ckoyd0xxRnNBNHVOY1hnUGlFbzVrMD0",
    ],
    ["??>>~~", "base64url.Pz8-Pn5-"],
    ["a+b", "a+b"],
    ["base64url.YQ", "base64url.YmFzZTY0dXJsLllR"],
  ])("also the key %s, whatever characters a subprotocol may have", (token, form) => {
    const [url, protocols] = made({ token });
    expect([url, protocols]).toEqual(["wss://feeds.test/v1/feeds/stocks", ["tickertape.v1", `bearer.${form}`]]);
    expect(protocols[1]).toMatch(/^[\w!#$%&'*+.^`|~-]+$/);
  });
});

describe("[I2] a close is not waited for", () => {
  test("one that the server begins and does not finish counts as the end within 3 s", () => {
    const heard: unknown[] = [];
    open({}, heard);
    const socket = FakeSocket.last;
    socket.readyState = 1;
    vi.advanceTimersByTime(60_000);
    socket.readyState = 2;
    vi.advanceTimersByTime(3_000);
    expect(heard).toEqual([[1006, ""]]);
    expect([vi.getTimerCount(), socket.onclose, socket.onmessage]).toEqual([0, null, null]);
  });

  test("one that finishes in time says why", () => {
    const heard: unknown[] = [];
    open({}, heard);
    const socket = FakeSocket.last;
    socket.readyState = 2;
    vi.advanceTimersByTime(2_000);
    socket.end(4429, "too much");
    vi.advanceTimersByTime(60_000);
    expect(heard).toEqual([[4429, "too much"]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the socket sends something at once, so that a close can finish; the answer to it is dropped", () => {
    const heard: unknown[] = [];
    open({}, heard);
    const socket = FakeSocket.last;
    socket.onopen?.();
    expect(socket.sent).toEqual(["ping"]);
    socket.text("hello", "pong", "pong");
    expect(heard).toEqual(["hello", "pong"]);
  });

  test("after our own close no event comes, and nothing is left that keeps a process alive", () => {
    const link = open({});
    link.close();
    expect([FakeSocket.last.onclose, FakeSocket.last.onmessage, vi.getTimerCount()]).toEqual([null, null, 0]);
  });
});

test.each([
  ["http://127.0.0.1:8787", "http://127.0.0.1:8787/v1/feeds/a.b"],
  ["wss://feeds.test/base/?x=1#y", "https://feeds.test/base/v1/feeds/a.b"],
  [new URL("https://feeds.test/"), "https://feeds.test/v1/feeds/a.b"],
])("the address of a feed at %s", (base, address) => {
  expect(feedUrl(base, "a.b").href).toBe(address);
});

test("a base that is no URL throws", () => {
  expect(() => feedUrl("feeds.test", "stocks")).toThrow(TypeError);
});

test.each([
  ["e30.eyJleHAiOjE3MzIwOTYwMDB9.sig", 1_732_096_000_000],
  ["e30.eyJzdWIiOiLDqT8-In0.sig", undefined],
  ["e30.bm90IGpzb24.sig", undefined],
  ["a-static-key", undefined],
  ["a..b", undefined],
])("when %s expires", (token, expires) => {
  expect(tokenExpiry(token)).toBe(expires);
});

describe("a wrong argument is a TypeError that names it", () => {
  test.each(["ftp://feeds.test", "file:///feeds", "data:text/plain,x"])("the base %s", (base) => {
    expect(() => connect(base, "stocks")).toThrow(new TypeError("base is not an http address"));
  });

  test("keys that are no array, when connecting and when selecting", () => {
    // Not allowed by the types.
    const keys = "A" as unknown as string[];
    expect(() => connect("http://feeds.test", "stocks", { keys })).toThrow(new TypeError("keys is not an array"));
    const feed = connect("http://feeds.test", "stocks", { WebSocket: Socket });
    expect(() => feed.select({ keys })).toThrow(new TypeError("keys is not an array"));
    const fields = "last" as unknown as string[];
    expect(() => feed.select({ fields })).toThrow(new TypeError("fields is not an array"));
    feed.close();
  });

  test.each([
    [{ keys: [""] }, 'keys[0] is "", and not a key or prefix*'],
    [{ keys: ["A", "B,C"] }, 'keys[1] is "B,C", and not a key or prefix*'],
    [{ keys: ["A*B"] }, 'keys[0] is "A*B", and not a key or prefix*'],
    [{ fields: [""] }, 'fields[0] is "", and not the name of a field'],
    [{ fields: ["lat,lon"] }, 'fields[0] is "lat,lon", and not the name of a field'],
  ])("%o, which would select something else", (selection, message) => {
    expect(() => connect("http://feeds.test", "stocks", selection)).toThrow(new TypeError(message));
  });

  test.each([undefined, "", "Stocks", "a/b", "-x", "x".repeat(65)])("the feed %o", (feed) => {
    // Not all of them are allowed by the types.
    expect(() => connect("http://feeds.test", feed as string)).toThrow(/^feed is .*: a name has 1 to 64 of a-z/);
  });
});

test.each(["*", "tech.*", "line 7/é", "x".repeat(128), "\u{1F4C8}".repeat(128)])("keys may have %s", (key) => {
  expect(normaliseSelection({ keys: [key] }).keys).toEqual([key]);
});

test("without a WebSocket, as on Node 20, a feed goes over HTTP", async () => {
  vi.stubGlobal("WebSocket", undefined);
  vi.stubGlobal("navigator", undefined);
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: URL, { headers }: RequestInit) => {
    asked.push(`${url.href} ${new Headers(headers).get("Accept")}`);
    return new Response('data: {"type":"hello","epoch":"e1","seq":0}\n\n');
  });
  const feed = connect("http://feeds.test", "stocks");
  await vi.waitFor(() => expect(asked).toEqual(["http://feeds.test/v1/feeds/stocks text/event-stream"]));
  feed.close();
  vi.unstubAllGlobals();
});
