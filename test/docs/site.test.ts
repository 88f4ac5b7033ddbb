import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderDocs } from "../../src/build/docs.ts";

const root = join(import.meta.dirname, "../..");
const PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs", "src/protocol/SPEC.md"];

let folder: string;

/** A copy of the documentation, to be spoilt. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tickertape-docs-"));
  for (const page of PAGES) cpSync(join(root, page), join(folder, page), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Renders with a page that has something more. */
function renderWith(page: string, more: string): ReturnType<typeof renderDocs> {
  const path = join(folder, page);
  const before = readFileSync(path, "utf8");
  writeFileSync(path, `${before}\n\n${more}\n`);
  try {
    return renderDocs(folder);
  } finally {
    writeFileSync(path, before);
  }
}

function htmlOf(files: ReturnType<typeof renderDocs>, name: string): string {
  return new TextDecoder().decode(files.find(({ path }) => path.endsWith(`/docs/${name}.html`))?.contents);
}

describe("a page", () => {
  test("has headings with the ids that code hosts give them, also if a heading comes twice", () => {
    const html = htmlOf(renderWith("docs/cost.md", "## `GET` & its friends, again!\n\n## Same\n\n## Same"), "cost");
    expect(html).toContain('<h2 id="get--its-friends-again">');
    expect(html).toContain('<h2 id="same">');
    expect(html).toContain('<h2 id="same-1">');
  });

  test("links to other pages, and names files that are none", () => {
    const more = "[a](publish.md#batches) [b](../SECURITY.md) [c](../src/index.ts) [d](decisions/README.md)";
    const html = htmlOf(renderWith("docs/cost.md", more), "cost");
    expect(html).toContain(
      '<a href="./publish#batches">a</a> <a href="./security">b</a> c <a href="./decisions/">d</a>',
    );
  });

  test("has no script or style of its own, which the Content-Security-Policy would refuse", () => {
    for (const { path, contents } of renderDocs(folder)) {
      if (!path.endsWith(".html")) continue;
      const html = new TextDecoder().decode(contents);
      expect(html.match(/<script(?! type="module" src=)|<style| style=| on[a-z]+="/), path).toBeNull();
    }
  });
});

describe("the build fails", () => {
  test("if a link leads to no page", () => {
    expect(() => renderWith("docs/cost.md", "[x](nothing.md)")).toThrow("docs/cost.md links to ./nothing");
  });

  test("if a link leads to no heading", () => {
    expect(() => renderWith("README.md", "")).not.toThrow();
    expect(() => renderWith("docs/cost.md", "[x](publish.md#nothing)")).toThrow("no such heading");
  });
});
