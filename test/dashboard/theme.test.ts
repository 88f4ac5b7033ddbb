import { expect, it } from "vitest";
import { readTheme } from "../../src/dashboard/view/theme.ts";

it("takes only a theme's name for a theme", () => {
  expect(["dark", "light", "system", "x", null].map(readTheme)).toEqual([
    "dark",
    "light",
    "system",
    "system",
    "system",
  ]);
});
