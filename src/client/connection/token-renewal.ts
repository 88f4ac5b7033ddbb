import { MIN_RENEWAL, RENEW_BEFORE } from "./timings.ts";

/** When a JWT expires (ms since 1970), read without verifying it; undefined for anything else. */
export function tokenExpiry(token = ""): number | undefined {
  try {
    const [, payload = ""] = token.split(".");
    const claims: { exp?: unknown } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return Number(claims.exp) * 1000 || undefined;
  } catch {
    return undefined;
  }
}

/** When to renew a token that expires then. Never if it has no expiry, or has expired: then the server says so. */
export function renewalAt(expires = 0, now: number): number {
  const left = expires - now;
  return left > 0 ? now + Math.max(MIN_RENEWAL, left - Math.min(RENEW_BEFORE, left / 2)) : Infinity;
}
