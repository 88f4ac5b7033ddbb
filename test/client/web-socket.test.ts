import { describe, expect, test } from "vitest";
import { feedAddress } from "../../src/client/address.ts";
import { expiryOf } from "../../src/client/token.ts";
import { webSocketTransport } from "../../src/client/web-socket.ts";
import type { LinkRequest } from "../../src/client/transport.ts";

/** Notes how it was made and does nothing. */
class NotedSocket extends EventTarget {
  static made: [url: string, protocols: string[]][] = [];
  readyState = 0;
  sent: string[] = [];
  constructor(url: string, protocols: string[]) {
    super();
    NotedSocket.made.push([url, protocols]);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {}
}

function made(request: Partial<LinkRequest>): [url: string, protocols: string[]] {
  const feed = feedAddress("https://feeds.test", "stocks");
  const nothing = { opened() {}, message() {}, closed() {} };
  const asked = { feed, selection: {}, since: undefined, token: undefined, ...request };
  webSocketTransport(NotedSocket as unknown as typeof WebSocket).open(asked, nothing);
  return NotedSocket.made.at(-1)!;
}

describe("what a WebSocket asks for", () => {
  test("selection and position", () => {
    const selection = { keys: ["AAPL", "tech.*"], hz: 0.5, mode: "all" as const };
    expect(made({ selection, since: "e1:5" })).toEqual([
      "wss://feeds.test/v1/feeds/stocks?keys=AAPL%2Ctech.*&hz=0.5&mode=all&since=e1%3A5",
      ["tickertape.v1"],
    ]);
    expect(made({ selection: { keys: [] } })[0]).toBe("wss://feeds.test/v1/feeds/stocks");
  });

  test("a token goes where no log has it, if it can", () => {
    expect(made({ token: "abc.d-e_f" })).toEqual([
      "wss://feeds.test/v1/feeds/stocks",
      ["tickertape.v1", "bearer.abc.d-e_f"],
    ]);
    expect(made({ token: "a/b=" })).toEqual(["wss://feeds.test/v1/feeds/stocks?token=a%2Fb%3D", ["tickertape.v1"]]);
  });
});

test.each([
  ["http://127.0.0.1:8787", "http://127.0.0.1:8787/v1/feeds/a.b"],
  ["wss://feeds.test/base/?x=1#y", "https://feeds.test/base/v1/feeds/a.b"],
  [new URL("https://feeds.test/"), "https://feeds.test/v1/feeds/a.b"],
])("the address of a feed at %s", (base, address) => {
  expect(feedAddress(base, "a.b").href).toBe(address);
});

test("an address that is none is the caller's mistake", () => {
  expect(() => feedAddress("feeds.test", "stocks")).toThrow(TypeError);
});

test.each([
  ["e30.eyJleHAiOjE3MzIwOTYwMDB9.sig", 1_732_096_000_000],
  ["e30.eyJzdWIiOiLDqT8-In0.sig", undefined],
  ["e30.bm90IGpzb24.sig", undefined],
  ["a-static-key", undefined],
  ["a..b", undefined],
])("when %s expires", (token, expires) => {
  expect(expiryOf(token)).toBe(expires);
});
