import type { JWTPayload } from "jose";
import type { Invalid } from "./access.ts";
import { fingerprint } from "./keys.ts";

/** What a valid token says. */
export interface TokenClaims {
  /** A fingerprint of its issuer and subject; of the token itself if it names no subject. */
  readonly identity: string;
  readonly scope: string;
  /** Whether it was certainly made for this server: with its own secret, or for the audience that is set. */
  readonly isForHere: boolean;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** A token with a good signature. */
export interface Verified {
  readonly payload: JWTPayload;
  readonly isForHere: boolean;
}

/**
 * Milliseconds that a token may have left. A token that outlives its issuer's keys and its bearer's job is as good as a
 * static key, and cannot be revoked.
 */
const LONGEST = 366 * 24 * 3_600_000;

/** Reads the claims. A signed token can still hold any JSON, so each claim is checked. */
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
 * One subject of one issuer: other issuers may use the same names. A token without a subject is an account of its own,
 * known by its `jti`, else by all of it that is signed; one signature can be written in several ways.
 */
function identityOf({ iss, sub, jti }: JWTPayload, token: string): string {
  if (sub) return JSON.stringify([iss, "sub", sub]);
  if (typeof jti === "string" && jti !== "") return JSON.stringify([iss, "jti", jti]);
  return token.slice(0, token.lastIndexOf("."));
}
