import { expect, it } from "vitest";
import { readTheme } from "../../src/dashboard/view/theme.ts";

it("accepts only the name of a theme", () => {
  expect(["dark", "light", "system", "x", null].map(readTheme)).toEqual([
    "dark",
    "light",
    "system",
    "system",
    "system",
  ]);
});
