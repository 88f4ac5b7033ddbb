import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

const TOKENS = `
# Signs the HS256 tokens that are accepted as credentials. Anyone who has it can make tokens for everything.
JWT_SECRET=`;

/**
 * Makes a `.dev.vars` with fresh keys, which only its owner can read, if the folder has none. If it has one without a
 * secret for tokens, that secret is added, and the rest stays as it is.
 * @param {string} [folder]
 * @returns {"made" | "added" | "kept"}
 */
export function makeSecrets(folder = root) {
  const file = join(folder, ".dev.vars");
  if (!existsSync(file)) {
    const example = readFileSync(join(root, ".dev.vars.example"), "utf8").replaceAll("<fresh>", random);
    // "wx": two processes that start at once must not overwrite each other's keys.
    writeFileSync(file, example + missingSecret(example), { mode: 0o600, flag: "wx" });
    return "made";
  }
  const addition = missingSecret(readFileSync(file, "utf8"));
  if (addition === "") return "kept";
  try {
    appendFileSync(file, addition);
    return "added";
  } catch {
    // The file is read-only. The server works, but takes no tokens.
    return "kept";
  }
}

/**
 * What has to be added to the text of a `.dev.vars`. An empty secret stays empty: its owner wants no tokens.
 * @param {string} text
 */
function missingSecret(text) {
  if (assigned(text, "JWT_SECRET") !== undefined) return "";
  return `${text.endsWith("\n") ? "" : "\n"}${TOKENS}"${random()}"\n`;
}

/**
 * A secret in a folder's `.dev.vars`, or undefined. Of several secrets, separated by commas, it is the first.
 * @param {"PUBLISH_KEY" | "JWT_SECRET"} name
 * @param {string} [folder]
 */
export function readSecret(name, folder = root) {
  const value = assigned(readFileSync(join(folder, ".dev.vars"), "utf8"), name) ?? "";
  return value.split(",")[0]?.trim() || undefined;
}

/** 32 characters of six bits each. */
function random() {
  return randomBytes(24).toString("base64url");
}

/**
 * The value of a name in the text of a `.dev.vars`. The last line counts, as it does for wrangler. By hand, because Node
 * reads such files only from 20.12 on.
 * @param {string} text
 * @param {string} name
 */
function assigned(text, name) {
  const lines = text.matchAll(new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*(.*?)[ \\t\\r]*$`, "gm"));
  const line = Array.from(lines, ([, value = ""]) => value).at(-1);
  if (line === undefined) return undefined;
  const value = /^(?:"([^"]*)"|'([^']*)'|`([^`]*)`|([^#]*))/.exec(line);
  return value?.[1] ?? value?.[2] ?? value?.[3] ?? value?.[4]?.trim() ?? "";
}
