import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import type { Invalid } from "./access.ts";
import { fingerprint, readSecrets } from "./keys.ts";
import { KeysUnavailable, remoteKeys } from "./remote-keys.ts";
import type { Settings } from "./settings.ts";

/** The settings that tokens are checked with. With neither a secret nor a URL, no token is valid. */
export type TokenSettings = Pick<Settings, "JWT_SECRET" | "JWKS_URL" | "JWT_ISSUER" | "JWT_AUDIENCE">;

/** What a valid token says. */
export interface TokenClaims {
  /** A fingerprint of its issuer and subject; of the token itself if it names no subject. */
  readonly identity: string;
  /** Its `sub`, if that is short enough to be kept with a socket. */
  readonly subject: string | undefined;
  readonly scope: string;
  /** Whether it was certainly made for this server: with its own secret, or for the audience that is set. */
  readonly isForHere: boolean;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

type CheckedToken = TokenClaims | Invalid | "unavailable";

export interface TokenChecker {
  /** Undefined if no token can be valid, because nothing is set to check it with. */
  readonly check: ((token: string) => Promise<CheckedToken>) | undefined;
  /** What the operator has to know about the settings: a sentence for each. */
  readonly refused: readonly string[];
}

/** Each algorithm is for one kind of key: a public key must never be used as a shared secret. */
const SECRET_ALGORITHMS = ["HS256"];
const PUBLIC_ALGORITHMS = ["RS256", "ES256", "EdDSA"];
/** Seconds that an issuer's clock may be ahead, for `nbf` and `iat`. None for `exp`: no token outlives what it says. */
const CLOCK_TOLERANCE = 30;
/** Milliseconds that a token may have left: one that outlives its issuer's keys is a static key that cannot be revoked. */
const LONGEST = 366 * 24 * 3_600_000;
/** What is kept with a socket has to be short. */
export const LONGEST_SUBJECT = 256;
/** No request header is that long. A longer token is not looked at. */
const TOKEN_LENGTH = 16 * 1024;

/** Checks JSON Web Tokens by the settings. */
export function tokenChecker(settings: TokenSettings): TokenChecker {
  const secrets = readSecrets("JWT_SECRET", settings.JWT_SECRET);
  const refused = [...secrets.refused];
  const url = settings.JWKS_URL ?? "";
  const keys = /^https?:$/.test(URL.parse(url)?.protocol ?? "") ? remoteKeys(url) : undefined;
  if (url !== "" && !keys) refused.push("JWKS_URL is not accepted, as it is not a URL that can be fetched");
  if (keys && !settings.JWT_AUDIENCE) refused.push(WITHOUT_AUDIENCE);
  if (secrets.accepted.length === 0 && !keys) return { check: undefined, refused };
  const verify = verifier(secrets.accepted, keys, settings);
  return { check: (token) => checked(token, verify), refused };
}

const WITHOUT_AUDIENCE =
  "JWKS_URL is set without JWT_AUDIENCE: tokens that its key server made for others are taken too, so that the scopes " +
  "admin and metrics of its tokens grant nothing";

/** A token with a good signature. */
type Verified = Pick<TokenClaims, "isForHere"> & { readonly payload: JWTPayload };
type Verify = (token: string) => Promise<Verified | "invalid">;

/** Checks the signature of a token, and the claims that every token has to have. */
function verifier(secrets: readonly string[], keys: JWTVerifyGetKey | undefined, settings: TokenSettings): Verify {
  const { JWT_ISSUER, JWT_AUDIENCE } = settings;
  const secretKeys = secrets.map((secret) => new TextEncoder().encode(secret));
  const demanded: JWTVerifyOptions = {
    requiredClaims: ["exp"],
    clockTolerance: CLOCK_TOLERANCE,
    ...(JWT_ISSUER ? { issuer: JWT_ISSUER } : {}),
    ...(JWT_AUDIENCE ? { audience: JWT_AUDIENCE } : {}),
  };
  return async (token) => {
    const { alg } = decodeProtectedHeader(token);
    if (alg === undefined) return "invalid";
    if (secretKeys.length > 0 && SECRET_ALGORITHMS.includes(alg)) {
      const payload = await verifyByOne(token, secretKeys, { ...demanded, algorithms: SECRET_ALGORITHMS });
      return { payload, isForHere: true };
    }
    if (keys && PUBLIC_ALGORITHMS.includes(alg)) {
      const payload = await verifyBySet(token, keys, { ...demanded, algorithms: PUBLIC_ALGORITHMS });
      return { payload, isForHere: Boolean(JWT_AUDIENCE) };
    }
    return "invalid";
  };
}

async function checked(token: string, verify: Verify): Promise<CheckedToken> {
  if (token.length > TOKEN_LENGTH) return "invalid";
  try {
    const verified = await verify(token);
    return verified === "invalid" ? "invalid" : await readClaims(verified, token);
  } catch (error) {
    return error instanceof KeysUnavailable ? "unavailable" : whyInvalid(error);
  }
}

/** Reads the claims. A signed token can still hold any JSON, so each claim is checked. */
async function readClaims({ payload, isForHere }: Verified, token: string): Promise<TokenClaims | Invalid> {
  const { exp, scope, sub } = payload;
  const expires = Math.floor((exp ?? 0) * 1000);
  const left = expires - Date.now();
  if (typeof (sub ?? "") !== "string") return "invalid";
  if (left <= 0) return "expired";
  // `1e999` reads as Infinity.
  if (!(left <= LONGEST)) return "too long";
  const identity = await fingerprint(identityOf(payload, token));
  const subject = sub !== undefined && sub.length <= LONGEST_SUBJECT ? sub : undefined;
  return { expires, scope: typeof scope === "string" ? scope : "", isForHere, identity, subject };
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

/** Why a token is refused, by the claim that is wrong. Claims are checked after the signature. */
const WHY = new Map<string, Invalid>([
  ["nbf check_failed", "too early"],
  ["exp missing", "too long"],
  ["iss missing", "other issuer"],
  ["iss check_failed", "other issuer"],
  ["aud missing", "other audience"],
  ["aud check_failed", "other audience"],
]);

function whyInvalid(error: unknown): Invalid {
  if (error instanceof errors.JWTExpired) return "expired";
  if (!(error instanceof errors.JWTClaimValidationFailed)) return "invalid";
  return WHY.get(`${error.claim} ${error.reason}`) ?? "invalid";
}

/** A token is valid if any of the keys signed it: one of several secrets, or of a set if it does not name its key. */
async function verifyByOne(
  token: string,
  keys: Iterable<Uint8Array | CryptoKey> | AsyncIterable<CryptoKey>,
  demanded: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, demanded)).payload;
    } catch (reason) {
      if (!(reason instanceof errors.JWSSignatureVerificationFailed)) throw reason;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

async function verifyBySet(token: string, keys: JWTVerifyGetKey, demanded: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, demanded)).payload;
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByOne(token, error, demanded);
    throw error;
  }
}
