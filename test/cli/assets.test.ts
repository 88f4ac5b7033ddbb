import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { copyAssets } from "../../src/cli/assets.ts";
import { withHeaders } from "../../src/cli/headers-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tickertape-assets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the pages go into a folder of the user's assets, and the platform's headers to the root of these", () => {
  writeFileSync(join(folder, "wrangler.toml"), '[assets]\ndirectory = "./site"\n');
  const copied = copyAssets(folder, join(folder, "site/live"));
  expect(copied).toMatchObject({ path: "/live", written: copied.files });
  const read = (name: string): string => readFileSync(join(folder, "site", name), "utf8");
  expect(read("live/index.html")).toContain("assets/dashboard.js");
  expect(read("live/assets/tickertape.js")).toContain("v1/feeds");
  expect(read("_headers")).toMatch(/^\/live\/\*\n {2}Content-Security-Policy:/m);
  expect(copyAssets(folder, join(folder, "site/live"))).toMatchObject({ written: 0 });
});

test("other rules in _headers stay, and ours are replaced", () => {
  const own = "/*\n  X-Mine: 1\n";
  const first = withHeaders(own, "/*\n  A: 1\n/assets/*\n  B: 1\n", "/live");
  expect(first).toMatch(/^\/\*\n {2}X-Mine: 1\n\n# .*\n\/live\/\*\n {2}A: 1\n\/live\/assets\/\*\n {2}B: 1\n# .*\n$/);
  const second = withHeaders(`${first}/after\n  C: 1\n`, "/*\n  A: 2\n", "/live");
  expect(second).toContain("A: 2");
  expect(second).not.toMatch(/A: 1|B: 1/);
  expect(second).toMatch(/X-Mine[^]*\/after\n {2}C: 1\n$/);
});
