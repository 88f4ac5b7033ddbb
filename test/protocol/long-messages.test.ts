import { encode } from "@msgpack/msgpack";
import { describe, expect, test } from "vitest";
import { decodeClientMessage, type DecodedMessage } from "../../src/protocol/client-messages.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { parseMsgpackInSteps } from "../../src/protocol/msgpack-frames.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";

const MIB = 1024 * 1024;

const read = (frame: string | Uint8Array): DecodedMessage => finishSteps(decodeClientMessage(frame));

/** The shortest of a few times, in milliseconds. */
function quickest(work: () => unknown): number {
  return Math.min(
    ...Array.from({ length: 5 }, () => {
      const began = performance.now();
      work();
      return performance.now() - began;
    }),
  );
}

const list = (item: string, length: number): string =>
  Array.from({ length: Math.floor(length / (item.length + 1)) }, () => item).join();
const names = (length: number): string =>
  Array.from({ length: length / 12 }, (_, i) => `"n${String(i).padStart(6, "0")}":0`).join();

const LONG: [what: string, text: string][] = [
  ["keys that are numbers", `{"type":"subscribe","keys":[${list("0", MIB - 100)}]}`],
  ["keys that are empty", `{"type":"subscribe","keys":[${list('""', MIB - 100)}]}`],
  ["keys that are arrays", `{"type":"subscribe","keys":[${list("[]", MIB - 100)}]}`],
  ["updates that are numbers", `{"type":"publish","updates":[${list("0", MIB - 100)}]}`],
  ["members that nobody knows", `{"type":"ack","seq":1,${names(MIB - 100)}}`],
  ["no type", `{${names(MIB - 100)}}`],
];

describe("[I7] refusing a long message takes no longer than reading it", () => {
  test.each(LONG)("of %s", (_, text) => {
    expect(read(text).ok).toBe(false);
    const reading = quickest(() => JSON.parse(text));
    expect(quickest(() => read(text))).toBeLessThan(3 * reading + 5);
  });
});

/** Objects of so many members with short names, none of which comes twice, that are so long as JSON. */
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
  test.each([100, 1_000, 10_000])("of very many names, %d in an object, takes hardly longer than JSON", (members) => {
    const value = manyNames(members, MIB);
    const [text, bytes] = [JSON.stringify(value), encode(value)];
    expect(finishSteps(parseMsgpackInSteps(bytes))).toEqual({ ok: true, value });
    const reading = quickest(() => JSON.parse(text));
    expect(quickest(() => finishSteps(parseMsgpackInSteps(bytes)))).toBeLessThan(3 * reading + 40);
  });

  test("that is longer as JSON than any batch may be is refused unread", () => {
    const value = manyNames(100, LIMITS.encodedBatchBytes + LIMITS.messageBytes);
    const updates = [{ key: "A", set: { value } }];
    const bytes = encode({ type: "publish", updates });
    expect(bytes.byteLength).toBeLessThan(MIB);
    expect(read(bytes)).toMatchObject({ ok: false, code: "too_large" });
    expect(quickest(() => finishSteps(parseMsgpackInSteps(bytes)))).toBeLessThan(
      quickest(() => JSON.parse(JSON.stringify(value))) + 5,
    );
  });
});

const subscribe = (bytes: number): string => '{"type":"subscribe","id":1}'.padEnd(bytes);

describe("[I7] what publishes nothing may have 64 KiB", () => {
  test("and no more", () => {
    expect(read(subscribe(LIMITS.messageBytes))).toMatchObject({ ok: true });
    expect(read(subscribe(LIMITS.messageBytes + 1))).toMatchObject({ code: "too_large", id: 1 });
    expect(read(`{"type":"auth","token":"${"é".repeat(LIMITS.messageBytes / 2)}"}`)).toMatchObject({
      code: "too_large",
    });
  });

  test("and a publish as much as a batch", () => {
    expect(read('{"type":"publish","updates":[0]}'.padEnd(MIB))).toMatchObject({ ok: true });
  });
});
