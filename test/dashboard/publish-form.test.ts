import { describe, expect, it } from "vitest";
import { readUpdate, receiptText } from "../../src/dashboard/model/publish-form.ts";
import { readProblem } from "../../src/dashboard/model/server-api.ts";

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

  it("is sent as it was written: what JSON cannot represent is refused by the server, and not lost", () => {
    expect(readUpdate({ ...fields, value: '{"price":1e999}' })).toMatchObject({
      body: expect.stringContaining("1e999"),
    });
  });

  it.each([
    [{ key: "" }, "key"],
    [{ key: "A*" }, "key"],
    [{ value: "{" }, "value"],
    [{ value: "1" }, "value"],
  ])("is not sent with %j: the wrong field is named", (wrong, field) => {
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

it("says where the feed stands after a receipt, and when the update was stale", () => {
  const receipt = { feed: "stocks", epoch: "k3v9x2", seq: 7, accepted: 1, stale: 0 };
  expect(receiptText(receipt)).toBe("Published, and durable at k3v9x2:7.");
  expect(receiptText({ ...receipt, accepted: 0, stale: 1 })).toContain("Stale: not applied");
});
