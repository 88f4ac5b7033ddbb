import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LAYERS } from "../../.dependency-cruiser.mjs";

const root = join(import.meta.dirname, "../..");
const FOLDERS = Object.keys(LAYERS).filter((layer) => !layer.endsWith(".ts"));
const PACKAGES = ["hono", "valibot", "jose", "node:fs", "cloudflare:workers"];

/** An import that is planted in a layer: of each other layer, and of each of these packages. */
const PLANTED = FOLDERS.flatMap((layer) => {
  const { imports, packages = [] } = LAYERS[layer] ?? { imports: [] };
  const allowed = new Set([...imports, ...packages, ...(packages.includes("node:*") ? ["node:fs"] : [])]);
  return [...FOLDERS.filter((other) => other !== layer), ...PACKAGES].map((what, index) => ({
    layer,
    from: FOLDERS.includes(what) ? `${up(layer)}/${what}/planted.ts` : what,
    isAllowed: allowed.has(what),
    file: `src/${layer}/planted-${index}.ts`,
  }));
});

/** From a folder of `src` to `src`. */
function up(layer: string): string {
  return layer
    .split("/")
    .map(() => "..")
    .join("/");
}

let folder: string;
let report: string;

/** Checks a house that consists of planted imports alone. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tickertape-layers-"));
  for (const name of [".dependency-cruiser.mjs", "package.json"]) cpSync(join(root, name), join(folder, name));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const layer of FOLDERS) write(`src/${layer}/planted.ts`, "export type Planted = string;");
  for (const { file, from } of PLANTED) write(file, `export type * from "${from}";`);
  write("src/protocol/circle-1.ts", 'import type { B } from "./circle-2.ts";\nexport type A = B;');
  write("src/protocol/circle-2.ts", 'import type { A } from "./circle-1.ts";\nexport type B = A;');
  write("src/attic/planted.ts", 'export type { Planted } from "../protocol/planted.ts";');
  write("test/planted.ts", "export type Planted = string;");
  write("src/cli/tested.ts", 'export type { Planted } from "../../test/planted.ts";');
  report = check(folder).output;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(join(folder, dirname(file)), { recursive: true });
  writeFileSync(join(folder, file), `${text}\n`);
}

function check(folder: string): { status: number | null; output: string } {
  const depcruise = join(root, "node_modules/.bin/depcruise");
  const { status, stdout, stderr } = spawnSync(depcruise, ["src", "test"], { cwd: folder, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

describe("imports point one way", () => {
  test("in the house as it is, types included", () => {
    expect(check(root)).toMatchObject({ status: 0 });
  });

  test.each(FOLDERS)("of what src/%s imports, all that its row does not name is refused, and nothing else", (layer) => {
    const planted = PLANTED.filter((one) => one.layer === layer);
    const refused = planted.filter(({ file }) => report.includes(`error layer ${layer}: ${file} `));
    expect(refused).toEqual(planted.filter(({ isAllowed }) => !isAllowed));
  });

  test("a circle, also one of types alone, is refused", () => {
    expect(report).toMatch(/error no circle: .*circle-/);
  });

  test("a folder without a row in the table is refused", () => {
    expect(report).toContain("error every folder has a layer: src/attic/planted.ts");
  });

  test("what is shipped may import nothing of the tests", () => {
    expect(report).toContain("error src knows no test: src/cli/tested.ts");
  });
});

test("feed/ may not read the clock: time is an argument there", () => {
  write("src/feed/state/clock.ts", "export const now = (): number => Date.now();");
  cpSync(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/oxlint"), ["src/feed/state/clock.ts"], {
    cwd: folder,
  });
  expect(stdout.toString()).toContain("Time is an argument in feed/.");
  expect(status).not.toBe(0);
});
