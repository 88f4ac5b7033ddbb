import { encode } from "@msgpack/msgpack";
import { describe, expect, test } from "vitest";
import { decodeClientMessage, type DecodedMessage } from "../../src/protocol/client-messages.ts";
import type { Parsed } from "../../src/protocol/json.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { parseMsgpackInSteps } from "../../src/protocol/msgpack-frames.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { quickest } from "../support/quickest.ts";

const MIB = 1024 * 1024;

const read = (frame: string | Uint8Array): DecodedMessage => finishSteps(decodeClientMessage(frame));

const list = (item: string, length: number): string =>
  Array.from({ length: Math.floor(length / (item.length + 1)) }, () => item).join();
const names = (length: number): string =>
  Array.from({ length: length / 12 }, (_, i) => `"n${String(i).padStart(6, "0")}":0`).join();

const LONG: [what: string, text: string][] = [
  ["keys that are numbers", `{"type":"subscribe","keys":[${list("0", MIB - 100)}]}`],
  ["keys that are empty", `{"type":"subscribe","keys":[${list('""', MIB - 100)}]}`],
  ["keys that are arrays", `{"type":"subscribe","keys":[${list("[]", MIB - 100)}]}`],
  ["updates that are numbers", `{"type":"publish","updates":[${list("0", MIB - 100)}]}`],
  ["unknown members", `{"type":"ack","seq":1,${names(MIB - 100)}}`],
  ["no type", `{${names(MIB - 100)}}`],
];

/** Expects that it takes less than so many milliseconds. A busy machine may need a few tries. */
function expectQuicker(limit: number, act: () => void): void {
  expect(quickest(act, 20, limit)).toBeLessThan(limit);
}

describe("[I7] refusing a long message takes no longer than reading it", () => {
  test.each(LONG)("of %s", (_, text) => {
    expect(read(text).ok).toBe(false);
    expectQuicker(3 * quickest(() => JSON.parse(text), 3) + 5, () => read(text));
  });
});

/** Objects that have so many members and are so long as JSON together. No name repeats. */
function manyNames(members: number, length: number): object[] {
  const objects: object[] = [];
  for (let i = 0, left = length; left > 0;) {
    const names = Array.from({ length: members }, () => (i++).toString(36));
    objects.push(Object.fromEntries(names.map((name) => [name, 1])));
    for (const name of names) left -= name.length + 5;
    left -= 2;
  }
  return objects;
}

describe("[I7] MessagePack", () => {
  test.each([
    [100, MIB],
    [10_000, MIB / 4],
  ])("with very many names, %d in an object, takes hardly longer than JSON", (members, length) => {
    const value = manyNames(members, length);
    const [text, bytes] = [JSON.stringify(value), encode(value)];
    const read = (): Parsed => finishSteps(parseMsgpackInSteps(bytes));
    const parsed = read();
    // As text: `toEqual` takes seconds with so many names.
    expect(parsed.ok && JSON.stringify(parsed.value) === text).toBe(true);
    expectQuicker(3 * quickest(() => JSON.parse(text), 3) + 40, read);
  });

  test("[PUB11] that would be longer as JSON than any batch is refused unread", () => {
    const value = manyNames(100, LIMITS.encodedBatchBytes + LIMITS.messageBytes);
    const updates = [{ key: "A", set: { value } }];
    const bytes = encode({ type: "publish", updates });
    expect(bytes.byteLength).toBeLessThan(MIB);
    expect(read(bytes)).toMatchObject({ ok: false, code: "too_large" });
    const reading = quickest(() => JSON.parse(JSON.stringify(value)), 3);
    expectQuicker(reading + 5, () => finishSteps(parseMsgpackInSteps(bytes)));
  });
});

const subscribe = (bytes: number): string => '{"type":"subscribe","id":1}'.padEnd(bytes);

describe("[I7] a message that publishes nothing may have 64 KiB", () => {
  test("and no more", () => {
    expect(read(subscribe(LIMITS.messageBytes))).toMatchObject({ ok: true });
    expect(read(subscribe(LIMITS.messageBytes + 1))).toMatchObject({ code: "too_large", id: 1 });
    expect(read(`{"type":"auth","token":"${"é".repeat(LIMITS.messageBytes / 2)}"}`)).toMatchObject({
      code: "too_large",
    });
  });

  test("and a publish as much as a batch may have", () => {
    expect(read('{"type":"publish","updates":[0]}'.padEnd(MIB))).toMatchObject({ ok: true });
  });
});

const members = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${(i * 7_919_999) % 4_294_967_295}`, 0]));

/** Counts how often the members of a value are read. */
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

describe("[PUB11] [I7] an object or array that is longer than any value may be is refused unread", () => {
  test.each([
    ["an object", JSON.stringify(members(20_000))],
    ["an object deep inside", JSON.stringify([[{ a: [members(20_000)] }]])],
    ["an array", `[${"0,".repeat(40_000)}0]`],
  ])("%s", (_, inner) => {
    const text = `{"type":"publish","updates":[{"key":"A","set":{"v":${inner}}}]}`;
    expect(read(text)).toMatchObject({ ok: false, code: "too_large" });
    expect(finishSteps(parseMsgpackInSteps(encode(JSON.parse(inner))))).toMatchObject({ ok: false, oversized: true });
  });

  test("but a string with many brackets and commas is read", () => {
    const text = JSON.stringify({ type: "publish", updates: [{ key: "A", set: { v: '\\",[{'.repeat(20_000) } }] });
    expect(read(text)).toMatchObject({ ok: true });
  });

  test("and as many values as a batch may have are read", () => {
    const updates = Array.from({ length: 14 }, (_, i) => ({
      key: `${i}`,
      set: { v: `[{,"\\`.repeat(5_000), ...members(2_000) },
    }));
    const text = JSON.stringify({ type: "publish", updates });
    expect(text.length).toBeGreaterThan(400_000);
    const decoded = read(text);
    expect(decoded.ok && decoded.message).toEqual({ type: "publish", id: undefined, updates });
  });
});

test("[I7] a value that is too long is read once, and only until that is known", () => {
  const { value, looks } = watched(Array.from({ length: 400_000 }, () => 0));
  expect(finishSteps(decodeUpdatesInSteps([{ key: "A", set: { value } }]))).toEqual({
    ok: false,
    issues: [{ index: 0, path: "set", message: "is larger than 65536 bytes as JSON" }],
  });
  expect(looks()).toBeLessThan(70_000);
});
