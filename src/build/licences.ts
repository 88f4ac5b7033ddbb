import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * The licence texts of the packages that a bundle has parts of, as one text. `inputs`: the files that went into it, relative to
 * `root`, as esbuild's metafile names them. Throws if a package has no licence: such a package must not be inlined.
 */
export function licencesOf(root: string, inputs: Iterable<string>): string {
  const folders = new Set(Array.from(inputs, packageFolder).filter((folder) => folder !== undefined));
  const texts = [...folders].toSorted().map((folder) => licenceOf(join(root, folder)));
  return `Parts of these packages are in the files of this one.\n\n${[...new Set(texts)].join("\n")}`;
}

/** `node_modules/a` or `node_modules/@a/b`, the innermost one. */
function packageFolder(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

function licenceOf(folder: string): string {
  const manifest: { name: string; version: string; license?: string; homepage?: string } = JSON.parse(
    readFileSync(join(folder, "package.json"), "utf8"),
  );
  const { name, version, license, homepage = "" } = manifest;
  if (license === undefined) throw new Error(`${name} has no licence`);
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice)/i.test(file))
    .toSorted()
    .map((file) => readFileSync(join(folder, file), "utf8").trim());
  // Some packages name their licence and have no text of it.
  if (texts.length === 0) texts.push(`The package has no text of its licence. ${homepage}`.trim());
  return `${"-".repeat(72)}\n${name} ${version} (${license})\n\n${texts.join("\n\n")}\n`;
}
