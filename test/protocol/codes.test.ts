import { expect, test } from "vitest";
import { PROBLEMS } from "../../src/protocol/codes.ts";

// `specs/fingerprint.test.ts` fails if a code or status changes.

test("each error code has a title of its own, and the status of an error", () => {
  const titles = Object.values(PROBLEMS).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
  for (const title of titles) expect(title).toMatch(/^[A-Z].*[^.]$/);
  for (const { status } of Object.values(PROBLEMS)) expect(Math.floor(status / 100)).toBeOneOf([4, 5]);
});
