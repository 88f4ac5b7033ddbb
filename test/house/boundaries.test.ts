import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tickertape-house-"));
  for (const name of [".oxlintrc.json", "tsconfig.json", "src"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs one of the project's tools over a copy of the house in which `file` says `text`. */
function run(
  tool: string,
  args: readonly string[],
  file?: string,
  text = "",
): { status: number | null; output: string } {
  const path = file === undefined ? undefined : join(folder, file);
  if (path !== undefined) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin", tool), args, { cwd: folder });
  if (path !== undefined) rmSync(path);
  return { status, output: `${stdout.toString()}${stderr.toString()}` };
}

describe("imports point one way, and the pure folders know no platform", () => {
  test("the house as it is keeps to that", () => {
    expect(run("oxlint", ["src"])).toMatchObject({ status: 0 });
  });

  test.each([
    ["protocol", 'export { Feed } from "../feed/feed.ts";'],
    ["feed", 'export { FeedStore } from "../durable/feed-store.ts";'],
    ["feed", 'export { Hono } from "hono";'],
    ["feed", "export const now = (): number => Date.now();"],
    ["access", 'export { Problem } from "../http/problem.ts";'],
    ["durable", 'export { Problem } from "../http/problem.ts";'],
    ["http", 'export { Feed } from "../feed/feed.ts";'],
    ["client", 'export { Feed } from "../feed/feed.ts";'],
    ["client", 'export { safeParse } from "valibot";'],
    ["publisher", 'export { connect } from "../client/index.ts";'],
    ["react", 'export { createPublisher } from "../publisher/index.ts";'],
    ["dashboard", 'export { Problem } from "../http/problem.ts";'],
    ["protocol", 'export { connect } from "../client/index.ts";'],
  ])("a violation planted in %s is caught: %s", (place, text) => {
    const { status, output } = run("oxlint", ["src"], `src/${place}/planted.ts`, `${text}\n`);
    expect(output).toContain("planted.ts");
    expect(status).not.toBe(0);
  });
});
