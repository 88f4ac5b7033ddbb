import { describe, expect, it } from "vitest";
import type { FeedStatus } from "../../src/client/types.ts";
import { readProblem } from "../../src/dashboard/model/server-api.ts";
import { staleness, wordsOf } from "../../src/dashboard/model/status-words.ts";
import { readUpdate } from "../../src/dashboard/model/publish-form.ts";
import { readTheme } from "../../src/dashboard/view/theme.ts";

function status(state: FeedStatus["state"], more: Partial<FeedStatus> = {}): FeedStatus {
  return { state, reason: "", since: 0, retryAt: undefined, code: undefined, ...more };
}

describe("the connection in words", () => {
  it("says nothing more where all is well", () => {
    expect(wordsOf(status("live", { reason: "up to date" }), 0)).toEqual({ label: "Live", detail: "" });
  });

  it("says why it is not live, and when the next attempt comes", () => {
    const lost = status("recovering", { reason: "the server restarts (1012)", retryAt: 4500 });
    expect(wordsOf(lost, 1000)).toEqual({
      label: "Reconnecting",
      detail: "the server restarts (1012) · next try in 4 s",
    });
    expect(wordsOf(lost, 4499).detail).toContain("next try in 1 s");
    expect(wordsOf(status("stale", { reason: "no answer" }), 0).detail).toBe("no answer · trying now");
    expect(wordsOf(status("offline"), 0).detail).toBe("goes on when the network is back");
    expect(wordsOf(status("closed", { reason: "not allowed (4403)" }), 0).detail).toBe("not allowed (4403)");
  });

  it("says how old what is shown is, once it is not live", () => {
    expect(staleness("live", 0, 60_000)).toBeUndefined();
    expect(staleness("connecting", undefined, 60_000)).toBeUndefined();
    expect(staleness("stale", 1000, 61_000)).toBe("1 min");
  });
});

describe("an update by hand", () => {
  const fields = { key: "AAPL", change: "patch", value: '{"price":1}' };

  it("is what was filled in", () => {
    expect(readUpdate(fields)).toEqual({ ok: true, body: '{"key":"AAPL","patch":{"price":1}}' });
    expect(readUpdate({ ...fields, change: "set" })).toEqual({ ok: true, body: '{"key":"AAPL","set":{"price":1}}' });
    expect(readUpdate({ ...fields, change: "delete", value: "{" })).toEqual({
      ok: true,
      body: '{"key":"AAPL","delete":true}',
    });
  });

  it("is sent as it was written: what JSON cannot hold is the server's to refuse, and not to be lost", () => {
    expect(readUpdate({ ...fields, value: '{"price":1e999}' })).toMatchObject({
      body: expect.stringContaining("1e999"),
    });
  });

  it.each([
    [{ key: "" }, "key"],
    [{ key: "A*" }, "key"],
    [{ value: "{" }, "value"],
    [{ value: "1" }, "value"],
  ])("is not sent with %j: the field that is wrong is named", (wrong, field) => {
    expect(readUpdate({ ...fields, ...wrong })).toMatchObject({ ok: false, field });
  });

  it("shows what the server says is wrong, with the path", () => {
    const body = {
      title: "An update is not valid",
      detail: "None.",
      issues: [{ index: 0, path: "patch.a", message: "is odd" }],
    };
    expect(readProblem(422, body)).toEqual({
      ok: false,
      status: 422,
      title: "An update is not valid",
      detail: "None.",
      issues: [{ path: "patch.a", message: "is odd" }],
    });
    expect(readProblem(502, undefined)).toMatchObject({ status: 502, title: "The server said no", issues: [] });
  });
});

it("takes only a theme's name for a theme", () => {
  expect(["dark", "light", "system", "x", null].map(readTheme)).toEqual([
    "dark",
    "light",
    "system",
    "system",
    "system",
  ]);
});
