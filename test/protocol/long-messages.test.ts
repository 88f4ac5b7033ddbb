import { describe, expect, test } from "vitest";
import { decodeClientMessage } from "../../src/protocol/client-messages.ts";
import { LIMITS } from "../../src/protocol/limits.ts";

const MIB = 1024 * 1024;

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
    expect(decodeClientMessage(text).ok).toBe(false);
    const reading = quickest(() => JSON.parse(text));
    expect(quickest(() => decodeClientMessage(text))).toBeLessThan(3 * reading + 5);
  });
});

const subscribe = (bytes: number): string => '{"type":"subscribe","id":1}'.padEnd(bytes);

describe("[I7] what publishes nothing may have 64 KiB", () => {
  test("and no more", () => {
    expect(decodeClientMessage(subscribe(LIMITS.messageBytes))).toMatchObject({ ok: true });
    expect(decodeClientMessage(subscribe(LIMITS.messageBytes + 1))).toMatchObject({ code: "too_large", id: 1 });
    expect(decodeClientMessage(`{"type":"auth","token":"${"é".repeat(LIMITS.messageBytes / 2)}"}`)).toMatchObject({
      code: "too_large",
    });
  });

  test("and a publish as much as a batch", () => {
    expect(decodeClientMessage('{"type":"publish","updates":[0]}'.padEnd(MIB))).toMatchObject({ ok: true });
  });
});
