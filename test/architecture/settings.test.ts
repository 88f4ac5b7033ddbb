import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SETTINGS } from "../../src/access/settings.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The rows of the settings' tables: `NAME`, `NAME` | where | default, default | meaning. */
const documented = new Map(
  Array.from(read("docs/settings.md").matchAll(/^\| (`[A-Z_`, ]+`) \| ([^|]+) \| ([^|]+) \|/gm)).flatMap(
    ([, names = "", where = "", defaults = ""]) => {
      const values = defaults.split(", ");
      return Array.from(names.matchAll(/`(\w+)`/g), ([, name = ""], i): [string, { where: string; value: string }] => [
        name,
        { where, value: (values[i] ?? values[0] ?? "").trim() },
      ]);
    },
  ),
);
const config = read("wrangler.toml");
const rateLimits = Array.from(
  config.matchAll(/^name = "(\w+_RATE)"\n.*\n.*limit = (\d+)/gm),
  ([, name = "", limit]): [string, number] => [name, Number(limit)],
);

/** A default as the documentation writes it. */
function written(value: string | number | undefined): string {
  if (value === undefined) return "none";
  if (typeof value === "string") return `\`${value}\``;
  const mebi = value / 1024 ** 2;
  return Number.isInteger(mebi) ? `${mebi} Mi` : value.toLocaleString("en-US");
}

test("every setting is read somewhere", () => {
  const files = globSync("src/{access,limits,placement,http}/*.ts", { cwd: new URL("../..", import.meta.url) });
  const sources = files.filter((file) => !file.endsWith("/settings.ts")).map(read);
  const isRead = (name: string): boolean => sources.some((source) => new RegExp(`[."]${name}\\b`).test(source));
  expect(Object.keys(SETTINGS).filter((name) => !isRead(name))).toEqual([]);
});

describe("docs/settings.md", () => {
  test("has every setting that the code reads, and no other", () => {
    const expected = [...Object.keys(SETTINGS), ...rateLimits.map(([name]) => name)];
    expect([...documented.keys()].toSorted()).toEqual(expected.toSorted());
  });

  test.each(Object.entries(SETTINGS))("has the default of %s", (name, value) => {
    expect(documented.get(name)?.value.replace(/^any$/, "none")).toBe(written(value));
  });

  test.each(rateLimits)("has the limit of %s as in wrangler.toml", (name, limit) => {
    expect(documented.get(name)).toEqual({ where: "`[[ratelimits]]`", value: written(limit) });
  });
});

describe("wrangler.toml", () => {
  test("sets, and mentions, no setting that the code does not read", () => {
    const named = Array.from(config.matchAll(/^(?:# )?([A-Z][A-Z_]+) = /gm), ([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(2);
    expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(named));
  });

  test("gives its variables their defaults", () => {
    const vars = Array.from(config.matchAll(/^([A-Z_]+) = "(.*)"$/gm), ([, name = "", value = ""]) => [name, value]);
    for (const [name, value] of vars) expect(value).toBe(SETTINGS[name as keyof typeof SETTINGS] ?? "");
  });
});

test(".dev.vars.example has no setting that the code does not read", () => {
  const named = Array.from(read(".dev.vars.example").matchAll(/^(?:# )?([A-Z_]+)=/gm), ([, name = ""]) => name);
  expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(named));
  expect(named).toContain("PUBLISH_KEY");
});
