import { expect, test } from "vitest";
import { serverAddress } from "../../src/elements/server-address.ts";
import { doubtOf } from "../../src/elements/status-words.ts";
import type { FeedStatus } from "../../src/client/types.ts";

const PAGE = "https://shop.example.com/prices/today?x=1";
const from = (script: string): string => serverAddress(null, PAGE, script);
const status = (state: FeedStatus["state"], reason: string): FeedStatus => ({
  state,
  reason,
  since: 0,
  retryAt: undefined,
  code: undefined,
  silentSince: undefined,
});

test("the server is the one that the script comes from, with the path that it is mounted under", () => {
  expect(from("https://feeds.example.com/assets/tickertape.elements.js")).toBe("https://feeds.example.com/");
  expect(from("https://a.example.com/live/assets/tickertape.elements.js?v=2")).toBe("https://a.example.com/live/");
});

test("a script that was bundled with the page means the page's own server", () => {
  for (const script of [
    "https://shop.example.com/assets/index-a1b2c3.js",
    "file:///app/dist/elements/index.js",
    undefined,
  ])
    expect(serverAddress(null, PAGE, script)).toBe("https://shop.example.com/");
});

test("`src` names another, also relative to the page", () => {
  expect(serverAddress("https://x.example.com/live", PAGE)).toBe("https://x.example.com/live");
  expect(serverAddress("../live", PAGE)).toBe("https://shop.example.com/live");
  expect(() => serverAddress("https://", PAGE)).toThrow(TypeError);
});

test("what is not live says why, and since when it is not", () => {
  const at = new Date(2026, 10, 22, 10, 42, 3).getTime();
  expect(doubtOf(status("live", "connected"), at)).toBeUndefined();
  expect(doubtOf({ ...status("live", "connected"), silentSince: at })).toMatch(/^No change since .*42:03/);
  expect(doubtOf(status("stale", "the server restarts"), at)).toMatch(
    /^Not live since .*42:03.*: the server restarts$/,
  );
  expect(doubtOf(status("connecting", "connecting"))).toBe("Not live: connecting");
  expect(doubtOf(status("closed", "no such feed"))).toBe("Not live: no such feed");
});
