import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** The file that `wrangler dev` takes secrets from. Where there is a `.dev.vars`, it reads no `.env`. */
export function secretsFile(folder: string): string {
  return !existsSync(join(folder, ".dev.vars")) && existsSync(join(folder, ".env")) ? ".env" : ".dev.vars";
}

/** All variables of the folder's file; none if there is none. */
export function readVariables(folder: string): Partial<Record<string, string>> {
  const file = join(folder, secretsFile(folder));
  return existsSync(file) ? parseEnv(readFileSync(file, "utf8")) : {};
}

/** One variable; undefined also where it is empty. */
export function readVariable(folder: string, name: string): string | undefined {
  return readVariables(folder)[name] || undefined;
}
