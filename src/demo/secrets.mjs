import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./install.mjs";

const TOKENS = `
# Signs the HS256 tokens that are accepted as credentials: whoever has it can make tokens for everything.
JWT_SECRET=`;

/**
 * Sees to it that a folder has a `.dev.vars`, for its owner's eyes only: made with fresh keys where there is none. One
 * from before there were tokens gets a secret for them, and is kept as it is otherwise.
 * @param {string} [folder]
 * @returns {"made" | "added" | "kept"}
 */
export function makeSecrets(folder = root) {
  const file = join(folder, ".dev.vars");
  if (!existsSync(file)) {
    const example = readFileSync(join(root, ".dev.vars.example"), "utf8").replaceAll("<fresh>", random);
    // "wx": two that start at once must not overwrite each other's keys.
    writeFileSync(file, example + lacking(example), { mode: 0o600, flag: "wx" });
    return "made";
  }
  const addition = lacking(readFileSync(file, "utf8"));
  if (addition === "") return "kept";
  try {
    appendFileSync(file, addition);
    return "added";
  } catch {
    // Its owner does not want it written: then there are no tokens.
    return "kept";
  }
}

/**
 * What is to be put after the text of a `.dev.vars`. A secret that was emptied says that no tokens are wanted.
 * @param {string} text
 */
function lacking(text) {
  if (assigned(text, "JWT_SECRET") !== undefined) return "";
  return `${text.endsWith("\n") ? "" : "\n"}${TOKENS}"${random()}"\n`;
}

/**
 * What a folder's `.dev.vars` gives as a secret, if anything: of several, comma-separated, the first.
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
 * What is assigned to a name in the text of a `.dev.vars`: the last one counts, as it does for wrangler.
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
