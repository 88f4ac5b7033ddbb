/** Another token is asked for this long before the present one expires, or with half of the time left if that is less. */
const RENEW_BEFORE = 30_000;
const MIN_RENEWAL = 1_000;

/** The claims of a JWT, read without verifying it; undefined for anything else. */
export function claimsOf(token = ""): { readonly [name: string]: unknown } | undefined {
  try {
    const [, payload = ""] = token.split(".");
    return Object(JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))));
  } catch {
    return undefined;
  }
}

/** When a JWT expires (ms since 1970); undefined for anything else. */
export function tokenExpiry(token?: string): number | undefined {
  return Number(claimsOf(token)?.["exp"]) * 1000 || undefined;
}

/** When to renew a token that expires then. Never if it has no expiry, or has expired: then the server says so. */
export function renewalAt(expires = 0, now: number): number {
  const left = expires - now;
  return left > 0 ? now + Math.max(MIN_RENEWAL, left - Math.min(RENEW_BEFORE, left / 2)) : Infinity;
}
