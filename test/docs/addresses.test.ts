import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderDocs } from "../../src/build/docs.ts";

const root = join(import.meta.dirname, "../..");

/** The pages that stand in the repository, and those that are made from Markdown, by their path under `public/`. */
const PAGES = [
  ...readdirSync(join(root, "public"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(html|js)$/.test(name) && !/^(assets|docs\/(decisions\/)?[^/]+\.html)/.test(name))
    .map((name) => ({ name, text: readFileSync(join(root, "public", name), "utf8") })),
  ...renderDocs(root)
    .filter(({ path }) => path.endsWith(".html"))
    .map(({ path, contents }) => ({
      name: path.slice(join(root, "public/").length),
      // What a page shows as code is text.
      text: new TextDecoder().decode(contents).replaceAll(/<code>[^]*?<\/code>/g, ""),
    })),
];

test("no page has an address that begins at the root: a Worker may have them under any path", () => {
  expect(PAGES.map(({ name }) => name)).toEqual(expect.arrayContaining(["index.html", "docs/explorer/index.html"]));
  const absolute = PAGES.flatMap(({ name, text }) =>
    (text.match(/(\b(?:href|src)=|\bfetch\(|\bload\(|\bimport\(|\bfrom )["'`]\/[^/][^"'`]*/g) ?? []).map(
      (found) => `${name}: ${found}`,
    ),
  );
  expect(absolute).toEqual([]);
});

test("a link to what the server itself answers leads there from a page of any depth", () => {
  const links = PAGES.flatMap(({ name, text }) =>
    [...text.matchAll(/href="([^"]*docs\/explorer\/)"/g)].map(
      ([, href = ""]) => new URL(href, `https://x/live/${name}`).pathname,
    ),
  );
  expect(new Set(links)).toEqual(new Set(["/live/docs/explorer/"]));
});
