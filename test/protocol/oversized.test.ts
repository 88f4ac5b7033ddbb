import { describe, expect, test } from "vitest";
import { encode } from "@msgpack/msgpack";
import { decodeClientMessage } from "../../src/protocol/client-messages.ts";
import { parseMsgpackInSteps } from "../../src/protocol/msgpack-frames.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { decodeUpdates } from "../../src/protocol/update-decoding.ts";

const members = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${(i * 7_919_999) % 4_294_967_295}`, 0]));

/** Counts how often a value's members are asked for. */
function watched(value: object): { value: object; looks: () => number } {
  let looks = 0;
  const proxy = new Proxy(value, {
    get: (target, name) => {
      looks++;
      return Reflect.get(target, name) as unknown;
    },
  });
  return { value: proxy, looks: () => looks };
}

describe("[I7] what is longer than any value may be is refused unread", () => {
  test.each([
    ["an object", JSON.stringify(members(20_000))],
    ["an object deep inside", JSON.stringify([[{ a: [members(20_000)] }]])],
    ["an array", `[${"0,".repeat(40_000)}0]`],
  ])("%s", (_, inner) => {
    const text = `{"type":"publish","updates":[{"key":"A","set":{"v":${inner}}}]}`;
    expect(finishSteps(decodeClientMessage(text))).toMatchObject({ ok: false, code: "too_large" });
    expect(finishSteps(parseMsgpackInSteps(encode(JSON.parse(inner))))).toMatchObject({ ok: false, oversized: true });
  });

  test("and a string is no object, whatever stands in it", () => {
    const text = JSON.stringify({ type: "publish", updates: [{ key: "A", set: { v: '\\",[{'.repeat(20_000) } }] });
    expect(finishSteps(decodeClientMessage(text))).toMatchObject({ ok: true });
  });

  test("and as many values as there may be are read", () => {
    const updates = Array.from({ length: 14 }, (_, i) => ({
      key: `${i}`,
      set: { v: `[{,"\\`.repeat(5_000), ...members(2_000) },
    }));
    const text = JSON.stringify({ type: "publish", updates });
    expect(text.length).toBeGreaterThan(400_000);
    const decoded = finishSteps(decodeClientMessage(text));
    expect(decoded.ok && decoded.message).toEqual({ type: "publish", id: undefined, updates });
  });
});

test("[I7] a value that is too long is looked at until that is known, and once", () => {
  const { value, looks } = watched(Array.from({ length: 400_000 }, () => 0));
  expect(decodeUpdates([{ key: "A", set: { value } }])).toEqual({
    ok: false,
    issues: [{ index: 0, path: "set", message: "is larger than 65536 bytes as JSON" }],
  });
  expect(looks()).toBeLessThan(70_000);
});
