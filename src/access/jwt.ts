import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import { fingerprint } from "./fingerprint.ts";
import { KeysUnavailable, remoteKeys } from "./remote-keys.ts";

/** The settings that tokens are checked with. All are optional: with neither secret nor address, no token is valid. */
export interface TokenSettings {
  /** Shared secret of HS256 tokens, as text. RFC 7518 asks for 32 bytes or more. */
  readonly JWT_SECRET?: string | undefined;
  /** Where the public keys of RS256, ES256 and EdDSA tokens are published. */
  readonly JWKS_URL?: string | undefined;
  /** What `iss` has to be; anything where it is not set. */
  readonly JWT_ISSUER?: string | undefined;
  /** What `aud` has to be or include; anything where it is not set. */
  readonly JWT_AUDIENCE?: string | undefined;
}

/** What a valid token says. */
export interface TokenClaims {
  /** Whom it was issued to, and by whom; or, where it does not say, which token it is. */
  readonly identity: string;
  readonly scope: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export type CheckedToken = TokenClaims | "invalid" | "unavailable";

/** Each algorithm belongs to one kind of key: a public key must never be taken for a shared secret. */
const SECRET_ALGORITHMS = ["HS256"];
const PUBLIC_ALGORITHMS = ["RS256", "ES256", "EdDSA"];
/**
 * Seconds that an issuer's clock may be ahead of ours, for `nbf` and `iat`. Nothing is added to `exp`: no token holds
 * for longer than its issuer said.
 */
const CLOCK_TOLERANCE = 30;
/** No request header is that long; what is longer is not looked at. */
const TOKEN_LENGTH = 16 * 1024;

/** Checks JSON Web Tokens; nothing where no key is configured. */
export function tokenChecker(settings: TokenSettings): ((token: string) => Promise<CheckedToken>) | undefined {
  const { JWT_SECRET, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE } = settings;
  if (!JWT_SECRET && !JWKS_URL) return undefined;
  const secret = JWT_SECRET ? new TextEncoder().encode(JWT_SECRET) : undefined;
  const keys = JWKS_URL ? remoteKeys(JWKS_URL) : undefined;
  const demanded: JWTVerifyOptions = {
    requiredClaims: ["exp"],
    clockTolerance: CLOCK_TOLERANCE,
    ...(JWT_ISSUER ? { issuer: JWT_ISSUER } : {}),
    ...(JWT_AUDIENCE ? { audience: JWT_AUDIENCE } : {}),
  };
  const verify = async (token: string): Promise<JWTPayload | "invalid"> => {
    const { alg } = decodeProtectedHeader(token);
    if (alg === undefined) return "invalid";
    if (secret && SECRET_ALGORITHMS.includes(alg)) {
      return (await jwtVerify(token, secret, { ...demanded, algorithms: SECRET_ALGORITHMS })).payload;
    }
    if (keys && PUBLIC_ALGORITHMS.includes(alg)) {
      return verifyByAny(token, keys, { ...demanded, algorithms: PUBLIC_ALGORITHMS });
    }
    return "invalid";
  };
  return async (token) => {
    if (token.length > TOKEN_LENGTH) return "invalid";
    try {
      const payload = await verify(token);
      return payload === "invalid" ? "invalid" : await readClaims(payload, token);
    } catch (error) {
      if (!(error instanceof KeysUnavailable)) return "invalid";
      // oxlint-disable-next-line no-console -- an operator has to see why nobody gets in; no part of a token is in it
      console.error("tickertape: tokens cannot be checked", error.message, error.cause);
      return "unavailable";
    }
  };
}

async function readClaims(payload: JWTPayload, token: string): Promise<CheckedToken> {
  const { exp, scope, sub } = payload;
  const expires = (exp ?? 0) * 1000;
  // What an issuer signed need not be what the types say, and `1e999` reads as Infinity.
  if (typeof (sub ?? "") !== "string" || !Number.isFinite(expires) || expires <= Date.now()) return "invalid";
  const identity = await fingerprint(identityOf(payload, token));
  return { expires, scope: typeof scope === "string" ? scope : "", identity };
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

/** A token that names no key may fit several of the set: it is valid if one of them made it. */
async function verifyByAny(token: string, keys: JWTVerifyGetKey, demanded: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, demanded)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, demanded)).payload;
      } catch (reason) {
        if (!(reason instanceof errors.JWSSignatureVerificationFailed)) throw reason;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}
