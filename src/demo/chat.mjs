import { SignJWT } from "jose";
import { readSecret } from "./secrets.mjs";

/** How long the token in the chat's URL is valid, in hours. */
export const CHAT_HOURS = 12;

/**
 * The URL of the chat on a server of this machine, with a token that may publish to feeds named `chat...` and to no others.
 * Undefined if there is no JWT_SECRET, or if the server does not accept a token that is signed with it.
 * @param {string} url
 * @returns {Promise<string | undefined>}
 */
export async function chatUrl(url) {
  const secret = readSecret("JWT_SECRET");
  if (secret === undefined) return undefined;
  const token = await signChatToken(secret);
  try {
    const { ok } = await fetch(`${url}/v1/feeds/chat`, { headers: { Authorization: `Bearer ${token}` } });
    return ok ? `${url}/examples/chat/#token=${token}` : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} secret */
export function signChatToken(secret) {
  return new SignJWT({ scope: "publish:chat*" })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject("npm start")
    .setIssuedAt()
    .setExpirationTime(`${CHAT_HOURS}h`)
    .sign(new TextEncoder().encode(secret));
}
