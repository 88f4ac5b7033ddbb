import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";

const root = join(import.meta.dirname, "../..");

describe("the breaks that `npm run mutants` plants", () => {
  test.each(MUTANTS)("$file, $name: can be planted in one place", ({ file, find, replace }) => {
    expect(readFileSync(join(root, file), "utf8").split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });

  test("are many, each with a name of its own and tests that exist", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    const missing = MUTANTS.flatMap(({ tests }) => tests).filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });
});
