import { afterEach, expect, it, vi } from "vitest";
import { ServerApi } from "../../src/dashboard/model/server-api.ts";

afterEach(() => vi.unstubAllGlobals());

function answering(body: string, status = 200): ServerApi {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, { status })));
  return new ServerApi("https://feed.test", () => undefined);
}

it("returns what the server answers", async () => {
  const stats = {
    feed: "fx",
    epoch: "a",
    seq: 1,
    keys: 1,
    subscribers: 0,
    lagging: 0,
    time: 0,
    storage: 0,
    started: 0,
  };
  expect(await answering(JSON.stringify(stats)).stats("fx")).toEqual({ ok: true, value: stats });
});

it.each(["<h1>Sign in</h1>", "null", "[]", "{}", '{"feeds":1,"updates":{},"epoch":"a"}'])(
  "takes no answer of a proxy for one of the server: %s",
  async (body) => {
    const api = answering(body);
    const results = await Promise.all([
      api.list(),
      api.stats("fx"),
      api.history("fx", "EUR", 10),
      api.publish("fx", "{}", "key", "1"),
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([false, false, false, false]);
  },
);

it("says that a server cannot be reached", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
  const api = new ServerApi("https://feed.test", () => undefined);
  expect(await api.list()).toMatchObject({ ok: false, status: undefined, title: "The server can't be reached" });
});
