import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./workerd.ts";

/** The README's code of a language that has `text` in it, with another address instead of the one that it shows. */
export async function readmeCode(language: string, text: string, url: string): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const blocks = Array.from(readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, name, code = ""]) => ({ name, code }));
  const found = blocks.find(({ name, code }) => name === language && code.includes(text));
  if (!found) throw new Error(`the README has no ${language} with ${text}`);
  return found.code.replaceAll("http://127.0.0.1:8787", url);
}
