import { createHmac } from "node:crypto";
import { readSecret } from "./secrets.mjs";

/** How long the token of the chat's address holds, in hours. */
export const CHAT_HOURS = 12;

/**
 * The address of the chat on a server of this machine, with a token that may publish to feeds named `chat...` and to no
 * others. Nothing where there is no JWT_SECRET, or the server takes no token that is merely signed with it.
 * @param {string} url
 * @returns {Promise<string | undefined>}
 */
export async function findChat(url) {
  const secret = readSecret("JWT_SECRET");
  if (secret === undefined) return undefined;
  const token = signToken(secret, { sub: "npm start", scope: "publish:chat*", seconds: CHAT_HOURS * 3600 });
  try {
    const { ok } = await fetch(`${url}/v1/feeds/chat`, { headers: { Authorization: `Bearer ${token}` } });
    return ok ? `${url}/examples/chat/#token=${token}` : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A JSON Web Token, signed with HS256.
 * @param {string} secret
 * @param {{ scope: string, sub: string, seconds: number }} claims `seconds`: how long it holds
 */
export function signToken(secret, { scope, sub, seconds }) {
  const now = Math.floor(Date.now() / 1000);
  const parts = [
    { alg: "HS256", typ: "JWT" },
    { sub, scope, iat: now, exp: now + seconds },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
