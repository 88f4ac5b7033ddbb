import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./workerd.ts";

/** A block of code in the README or one of the guides. */
export interface CodeBlock {
  readonly file: string;
  readonly language: string;
  readonly code: string;
}

/** Every block of code that the README and the guides show. */
export async function codeBlocks(): Promise<readonly CodeBlock[]> {
  const guides = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md"));
  const files = ["README.md", "CONTRIBUTING.md", ...guides.map((name) => `docs/${name}`)];
  const blocks = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(root, file), "utf8");
      return Array.from(text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, language = "", code = ""]) => ({
        file,
        language,
        code,
      }));
    }),
  );
  return blocks.flat();
}

/**
 * The first block of a language that has `text` in it, with `url` in the place of the one that the docs show, and `feed` in the
 * place of their `stocks`: a server that other files use too has but one feed of a name.
 */
export async function docsCode(language: string, text: string, url: string, feed = "stocks"): Promise<string> {
  const found = (await codeBlocks()).find((block) => block.language === language && block.code.includes(text));
  if (!found) throw new Error(`the docs have no ${language} with ${text}`);
  return found.code
    .replaceAll("http://127.0.0.1:8787", url)
    .replaceAll("/feeds/stocks", `/feeds/${feed}`)
    .replaceAll('"stocks"', `"${feed}"`);
}
