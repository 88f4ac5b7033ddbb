import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** The numbers that SPEC.md gives its rules, such as `PUB3`. */
function rulesOf(markdown: string): string[] {
  return Array.from(markdown.matchAll(/^- \*\*\[([A-Z]+\d+)\]/gm), ([, rule = ""]) => rule);
}

/** The rules that the titles of a test file begin with: `test("[PUB3] [I7] a title"`. */
function namedIn(source: string): string[] {
  return Array.from(source.matchAll(/(?<=["'`])(?:\[[A-Z]+\d+\] )+/g)).flatMap(
    ([tags]) => tags.match(/[A-Z]+\d+/g) ?? [],
  );
}

const rules = rulesOf(readFileSync(join(root, "src/protocol/SPEC.md"), "utf8"));
const named = new Map<string, string[]>();
for (const file of readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith(".test.ts") || file.includes("node_modules")) continue;
  if (file === "docs/rules.test.ts") continue;
  for (const rule of namedIn(readFileSync(join(root, "test", file), "utf8")))
    named.set(rule, [...(named.get(rule) ?? []), file]);
}

describe("the rules of SPEC.md", () => {
  test("have a number each, and no number twice", () => {
    expect(rules.length).toBeGreaterThan(100);
    expect(rules.filter((rule, i) => rules.indexOf(rule) !== i)).toEqual([]);
  });

  test("of a section are numbered without a gap", () => {
    const last = new Map<string, number>();
    for (const rule of rules) {
      const [, section = "", number = ""] = /^([A-Z]+)(\d+)$/.exec(rule) ?? [];
      expect(Number(number), rule).toBe((last.get(section) ?? 0) + 1);
      last.set(section, Number(number));
    }
  });

  test("are each held by a test whose title begins with the number", () => {
    expect(rules.filter((rule) => !named.has(rule))).toEqual([]);
  });

  test("are all that titles of tests name", () => {
    expect([...named].filter(([rule]) => !rules.includes(rule))).toEqual([]);
  });
});

test("a number is found where a rule begins, and where a title does", () => {
  expect(rulesOf("- **[PUB3]** A value\n- no rule\n  **[PUB4]** inside\n- **[I1] Durable.** x")).toEqual([
    "PUB3",
    "I1",
  ]);
  expect(namedIn('test("[PUB3] [I7] one", f); describe(`[LAG1] two`); const s = "a [POS1] b"; // [POS2]')).toEqual([
    "PUB3",
    "I7",
    "LAG1",
  ]);
});
