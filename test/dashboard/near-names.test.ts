import { expect, test } from "vitest";
import { nearNames } from "../../src/dashboard/model/near-names.ts";

const NAMES = ["bonds", "chat", "stock-options", "stocks", "stocks-eu", "x"];

test.each([
  ["stonks", ["stocks"]],
  ["stokcs", ["stocks"]],
  ["stock", ["stock-options", "stocks", "stocks-eu"]],
  ["stocks-us", ["stocks", "stocks-eu"]],
  ["bond", ["bonds"]],
  ["chatt", ["chat"]],
  // A name of one letter is near to everything, and says nothing.
  ["y", []],
  ["prices", []],
  ["stocks", ["stocks-eu"]],
])("for %s, those that may be meant are %o", (name, near) => {
  expect(nearNames(name, NAMES)).toEqual(near);
});
