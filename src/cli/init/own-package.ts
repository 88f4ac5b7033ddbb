import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject } from "../../protocol/json.ts";
import { Failure } from "../failure.ts";

/** The package that this file is a part of: three folders up in the sources, two in the package. */
function findRoot(folder: string): string {
  const parent = join(folder, "..");
  if (parent === folder) throw new Failure("The package of this command is not whole: reinstall it.");
  try {
    if (manifestOf(folder)["name"] === NAME) return folder;
  } catch {
    // There is none in this folder.
  }
  return findRoot(parent);
}

const NAME = "@tickertape/feed";

function manifestOf(folder: string): Record<string, unknown> {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return isJsonObject(manifest) ? manifest : {};
}

/** Where the package is installed. */
export const packageRoot = findRoot(import.meta.dirname);

const manifest = manifestOf(packageRoot);

export const packageName = NAME;
export const version = String(manifest["version"]);

/** The range of versions of another package that this one is tested with: from the tested one on. */
export function testedRange(name: string): string {
  const { peerDependencies, devDependencies } = manifest;
  const range = memberOf(peerDependencies, name) ?? memberOf(devDependencies, name);
  if (range === undefined) return "*";
  return /^\d/.test(range) ? `^${range}` : range;
}

function memberOf(value: unknown, name: string): string | undefined {
  const member = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return typeof member === "string" ? member : undefined;
}
