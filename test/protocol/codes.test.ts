import { expect, test } from "vitest";
import { CLOSE, PROBLEMS } from "../../src/protocol/codes.ts";

/** The contract's table of errors over HTTP. */
const CONTRACT: [status: number, codes: string[]][] = [
  [400, ["invalid_json", "invalid_query", "invalid_feed", "unsupported_protocol"]],
  [401, ["unauthorized"]],
  [403, ["forbidden", "origin_not_allowed"]],
  [404, ["not_found"]],
  [405, ["method_not_allowed"]],
  [409, ["feed_full"]],
  [413, ["too_large"]],
  [415, ["unsupported_media_type"]],
  [422, ["invalid_update", "idempotency_mismatch"]],
  [429, ["rate_limited"]],
  [502, ["outcome_unknown"]],
  [503, ["overloaded"]],
];

test("the error codes are those of the contract, each with its status", () => {
  const expected = CONTRACT.flatMap(([status, codes]) => codes.map((code) => [code, status]));
  const actual = Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]);
  expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(expected));
});

test("each code has a title of its own", () => {
  const titles = Object.values(PROBLEMS).map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
  for (const title of titles) expect(title).toMatch(/^[A-Z].*[^.]$/);
});

test("the close codes are those of the contract", () => {
  expect(Object.values(CLOSE)).toEqual([1000, 1009, 1012, 4400, 4401, 4403, 4404, 4429, 4503]);
});
