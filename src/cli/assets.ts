import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import { EXIT, Failure, type ExitCode } from "./failure.ts";
import { withHeaders } from "./headers-file.ts";
import { packageRoot } from "./init/own-package.ts";
import { objectAt, readWranglerConfig } from "./init/wrangler-config.ts";
import { print, say } from "./output.ts";

/** Of `[assets]`: what the platform reads itself, from the root of the folder alone. */
const HEADERS = "_headers";

/** Copies the dashboard, the documentation and the browser's modules into a folder of the user's own assets. */
export async function assets(folder: string): Promise<ExitCode> {
  const { files, written, path } = copyAssets(process.cwd(), resolve(folder));
  await print(`${folder}: ${files} files, ${written} of them new or changed`);
  if (path !== "/")
    say(`They are for a Worker that has Tickertape under ${path}: the page asks ${posix.join(path, "v1/feeds")}.`);
  return EXIT.ok;
}

export interface Copied {
  readonly files: number;
  readonly written: number;
  /** Under which path the files will be served, as far as the wrangler config tells. */
  readonly path: string;
}

export function copyAssets(project: string, target: string): Copied {
  const source = sourceFolder();
  const names = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(source, join(entry.parentPath, entry.name)))
    .filter((name) => name !== HEADERS);
  const root = assetsRoot(project, target);
  const below = relative(root, target).split(sep).join("/");
  const path = below === "" ? "/" : `/${below}`;
  const copies = names.map((name) => writeChanged(join(target, name), readFileSync(join(source, name))));
  const old = existsSync(join(root, HEADERS)) ? readFileSync(join(root, HEADERS), "utf8") : "";
  const headers = withHeaders(old, readFileSync(join(source, HEADERS), "utf8"), below === "" ? "" : path);
  copies.push(writeChanged(join(root, HEADERS), Buffer.from(headers)));
  return { files: copies.length, written: copies.filter(Boolean).length, path };
}

/** `dist/public` of the package; in the sources what `npm run build` makes. */
function sourceFolder(): string {
  const packed = join(packageRoot, "dist/public");
  const found = [packed, join(packageRoot, "public")].find((folder) => existsSync(join(folder, "assets")));
  if (found === undefined) throw new Failure("The package has no pages to copy: reinstall it.");
  return found;
}

/** The folder of `[assets]` that the target is in; the target itself where no config names one. */
function assetsRoot(project: string, target: string): string {
  const directory = objectAt(readWranglerConfig(project)?.value ?? {}, "assets")["directory"];
  if (typeof directory !== "string") return target;
  const root = resolve(project, directory);
  return target === root || target.startsWith(root + sep) ? root : target;
}

/** A file that is as it should be is left alone: `wrangler dev` reloads pages when one changes. */
function writeChanged(path: string, contents: Uint8Array): boolean {
  if (existsSync(path) && readFileSync(path).equals(contents)) return false;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  return true;
}
