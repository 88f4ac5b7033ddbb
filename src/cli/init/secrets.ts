import { randomBytes } from "node:crypto";
import { parseEnv } from "node:util";

/** The secrets of a Worker on one's own machine, and what each is for. */
const SECRETS = {
  PUBLISH_KEY: "May publish to every feed.",
  ADMIN_KEY: "May do everything, resetting feeds included.",
  JWT_SECRET: "Signs the tokens that are accepted as credentials: anyone who has it can make tokens for everything.",
};

/** The text of a `.dev.vars` with fresh random secrets for those that it does not name; undefined if it names all. */
export function withSecrets(text: string): string | undefined {
  const named = parseEnv(text);
  // One that is empty stays so: its owner wants none.
  const missing = Object.entries(SECRETS).filter(([name]) => named[name] === undefined);
  if (missing.length === 0) return undefined;
  const lines = missing.map(([name, what]) => `# ${what}\n${name}="${random()}"\n`).join("");
  const head =
    text === "" ? "# Secrets for `wrangler dev`. A deployed Worker gets its own: npx wrangler secret put NAME\n" : "";
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${head}${lines}`;
}

/** 32 characters of six bits each. */
function random(): string {
  return randomBytes(24).toString("base64url");
}
