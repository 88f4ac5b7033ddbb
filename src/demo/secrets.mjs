import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

const file = join(root, ".dev.vars");

/** Makes `.dev.vars` with fresh keys where there is none, for its owner's eyes only. Returns whether it did. */
export function makeSecrets() {
  if (existsSync(file)) return false;
  const example = readFileSync(join(root, ".dev.vars.example"), "utf8");
  const text = example.replaceAll("change-me", () => randomBytes(24).toString("base64url"));
  // "wx": two that start at once must not overwrite each other's keys.
  writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  return true;
}

/** The first key that `.dev.vars` gives as PUBLISH_KEY, if any. */
export function readPublishKey() {
  const line = /^\s*(?:export\s+)?PUBLISH_KEY\s*=\s*(.*?)\s*$/m.exec(readFileSync(file, "utf8"));
  const value = /^(?:"([^"]*)"|'([^']*)'|([^#]*))/.exec(line?.[1] ?? "");
  const keys = value?.[1] ?? value?.[2] ?? value?.[3] ?? "";
  return keys.split(",")[0]?.trim() || undefined;
}
