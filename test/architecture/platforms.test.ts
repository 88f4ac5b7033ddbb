import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const PLATFORMS = ["pure", "worker", "browser", "node"].map((name) => `src/tsconfig.${name}.json`);

/** One per folder and per global that its platform does not have. */
const PLANTED = [
  ["protocol", "a timer", "setTimeout(() => {}, 1);"],
  ["feed/state", "a timer", "setTimeout(() => {}, 1);"],
  ["feed/state", "a Durable Object's storage", "export type Storage = DurableObjectStorage;"],
  ["feed/fanout", "a browser's document", "export const title: string = document.title;"],
  ["feed/fanout", "Node's process", "export const id: number = process.pid;"],
  ["access", "a browser's document", "export const title: string = document.title;"],
  ["durable", "a browser's document", "export const title: string = document.title;"],
  ["http", "a type of Node's", "export type Timer = NodeJS.Timeout;"],
  ["client", "a Durable Object's storage", "export type Storage = DurableObjectStorage;"],
  ["client", "Node's process", "export const id: number = process.pid;"],
  ["publisher", "a browser's document", "export const title: string = document.title;"],
  ["publisher", "a Durable Object's storage", "export type Storage = DurableObjectStorage;"],
  ["publisher", "what Node 20 does not have", "export const { promise } = Promise.withResolvers<void>();"],
  ["react", "Node's process", "export const id: number = process.pid;"],
  ["dashboard", "a Durable Object's storage", "export type Storage = DurableObjectStorage;"],
  ["demo", "a browser's document", "export const title: string = document.title;"],
] as const;

let folder: string;
/** What the compiler says of `src` with everything planted in it. */
let complaints: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tickertape-platforms-"));
  for (const name of ["tsconfig.json", "src"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [index, [place, , text]] of PLANTED.entries())
    writeFileSync(join(folder, "src", place, `planted-${index}.ts`), `${text}\nexport {};\n`);
  const { stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-b", ...PLATFORMS], { cwd: folder });
  complaints = stdout
    .toString()
    .split("\n")
    .filter((line) => line.includes("error"));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("each part compiles with what its platform has", () => {
  expect(complaints.filter((line) => !line.includes("/planted-"))).toEqual([]);
});

test.each(PLANTED.map(([place, what], index) => [what, place, index] as const))(
  "%s in %s/ does not compile",
  (_, place, index) => expect(complaints.join("\n")).toContain(`src/${place}/planted-${index}.ts(`),
);
