import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatPosition, parsePosition } from "../../src/protocol/position.ts";

test("[POS1] a position is written epoch:seq and read back", () => {
  const epoch = fc.stringMatching(/^[a-z0-9]{1,32}$/);
  fc.assert(
    fc.property(epoch, fc.maxSafeNat(), (text, seq) => {
      expect(formatPosition({ epoch: text, seq })).toBe(`${text}:${seq}`);
      expect(parsePosition(`${text}:${seq}`)).toEqual({ epoch: text, seq });
    }),
  );
});

test("text that is read as a position is written the same way", () => {
  const parts = fc.array(
    fc.constantFrom("a", "z9", ":", "0", "1", "9007199254740991", "-", ".", "e", "X", " ", "\n", "+"),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        parts.map((pieces) => pieces.join("")),
      ),
      (text) => {
        const position = parsePosition(text);
        expect(position === undefined || formatPosition(position) === text).toBe(true);
      },
    ),
  );
});

test.each(["", "a:", ":1", "a:-1", "a:01", "A:1", "a:b:1", "a:1\n", "a:9007199254740992", `${"a".repeat(33)}:1`])(
  "%j is no position",
  (text) => {
    expect(parsePosition(text)).toBeUndefined();
  },
);
