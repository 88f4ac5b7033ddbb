import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Every page of the documentation. */
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "src/protocol/SPEC.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** What is made by a build or a start, and not kept in the repository. */
const MADE = ["public/assets/", "public/docs/search.json"];

/** A variable that makes tests longer. */
const VARIABLE = /\b(?:TICKERTAPE|PROPERTY)_[A-Z_]+/g;

/**
 * The files and folders that a page names: paths that begin with a folder at the top, wherever they stand, and the targets
 * of its links. `*` stands for any name.
 */
function pathsIn(page: string, markdown: string): string[] {
  const named = Array.from(
    markdown.matchAll(/(?<![\w/.:-])(?:src|test|docs|public)\/[\w./*-]*[\w*/]/g),
    ([path]) => path,
  );
  const linked = Array.from(markdown.matchAll(/\]\((?!\w+:|#|\/)([^)#\s]+)/g), ([, to = ""]) =>
    posix.normalize(posix.join(posix.dirname(page), to)),
  );
  return [...new Set([...named, ...linked])].filter((path) => !MADE.some((made) => path.startsWith(made)));
}

function isThere(path: string): boolean {
  return path.includes("*") ? globSync(path, { cwd: root }).length > 0 : existsSync(join(root, path));
}

describe("the documentation names only what is there", () => {
  test.each(PAGES)("%s", (page) => {
    const paths = pathsIn(page, readFileSync(join(root, page), "utf8"));
    expect(paths.filter((path) => !isThere(path))).toEqual([]);
  });
});

test("each variable for tests that the documentation names is read by a test", () => {
  const documented = PAGES.flatMap((page) => readFileSync(join(root, page), "utf8").match(VARIABLE) ?? []);
  const sources = globSync("test/**/*.ts", { cwd: root }).map((file) => readFileSync(join(root, file), "utf8"));
  const read = new Set(sources.flatMap((source) => source.match(VARIABLE) ?? []));
  expect(documented).toContain("TICKERTAPE_ROUNDS");
  expect(documented.filter((name) => !read.has(name))).toEqual([]);
});

test("a path is found in text, in code and in links", () => {
  const text = "see `src/a.ts`, test/b/*.test.ts and [this](../docs/c.md#d), not http://x/src/y or [that](https://z)";
  expect(pathsIn("docs/page.md", text)).toEqual(["src/a.ts", "test/b/*.test.ts", "docs/c.md"]);
  expect([
    isThere("src/index.ts"),
    isThere("src/no.ts"),
    isThere("test/docs/*.test.ts"),
    isThere("test/no/*.ts"),
  ]).toEqual([true, false, true, false]);
});

test("the README is a front door: at most 200 lines", () => {
  expect(readFileSync(join(root, "README.md"), "utf8").split("\n").length).toBeLessThanOrEqual(200);
});
