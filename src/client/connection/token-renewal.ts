import { MIN_RENEWAL, RENEW_BEFORE } from "./timings.ts";

/** When a JWT expires (ms since 1970), read without verifying; nothing for anything else. */
export function expiryOf(token = ""): number | undefined {
  try {
    const [, payload = ""] = token.split(".");
    const claims: { exp?: unknown } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return Number(claims.exp) * 1000 || undefined;
  } catch {
    return undefined;
  }
}

/** When a token that expires is to be renewed; never where it does not, or has already: then the server says so. */
export function renewalAt(expires = 0, now: number): number {
  const left = expires - now;
  return left > 0 ? now + Math.max(MIN_RENEWAL, left - Math.min(RENEW_BEFORE, left / 2)) : Infinity;
}

export function renewalOf(token: string | undefined, now: number): number {
  return renewalAt(expiryOf(token), now);
}
