import type { JWTPayload } from "jose";
import type { Invalid } from "./access.ts";
import { fingerprint } from "./fingerprint.ts";

/** What a valid token says. */
export interface TokenClaims {
  /** Whom it was issued to, and by whom; or, where it does not say, which token it is. */
  readonly identity: string;
  readonly scope: string;
  /** Whether it was certainly made for this server: by its own secret, or for the audience that is set. */
  readonly isForHere: boolean;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** What stands in a token whose signature is good. */
export interface Verified {
  readonly payload: JWTPayload;
  readonly isForHere: boolean;
}

/**
 * Milliseconds that a token may have left. One that outlives its issuer's keys and its bearer's post is no token but a
 * key, and cannot be called back.
 */
const LONGEST = 366 * 24 * 3_600_000;

/** What an issuer signed need not be what the types say: nothing is taken for what it is not. */
export async function readClaims({ payload, isForHere }: Verified, token: string): Promise<TokenClaims | Invalid> {
  const { exp, scope, sub } = payload;
  const expires = Math.floor((exp ?? 0) * 1000);
  const left = expires - Date.now();
  if (typeof (sub ?? "") !== "string") return "invalid";
  if (left <= 0) return "expired";
  // `1e999` reads as Infinity.
  if (!(left <= LONGEST)) return "too long";
  const identity = await fingerprint(identityOf(payload, token));
  return { expires, scope: typeof scope === "string" ? scope : "", isForHere, identity };
}

/**
 * One subject of one issuer, whatever other issuers call theirs. A token that names no subject is somebody of its own:
 * known by its number, else by all of it that is signed, for the same signature can be written in several ways.
 */
function identityOf({ iss, sub, jti }: JWTPayload, token: string): string {
  if (sub) return JSON.stringify([iss, "sub", sub]);
  if (typeof jti === "string" && jti !== "") return JSON.stringify([iss, "jti", jti]);
  return token.slice(0, token.lastIndexOf("."));
}
