import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from "jose";
import type { Invalid } from "./access.ts";
import { readClaims, type TokenClaims, type Verified } from "./claims.ts";
import { readSecrets } from "./keys.ts";
import { KeysUnavailable, remoteKeys } from "./remote-keys.ts";

/** The settings that tokens are checked with. All are optional: with neither secret nor address, no token is valid. */
export interface TokenSettings {
  /** Shared secrets of HS256 tokens, as text: comma-separated, so that they can be rotated, and of 32 bytes or more each. */
  readonly JWT_SECRET?: string | undefined;
  /** Where the public keys of RS256, ES256 and EdDSA tokens are published. */
  readonly JWKS_URL?: string | undefined;
  /** What `iss` has to be; anything where it is not set. */
  readonly JWT_ISSUER?: string | undefined;
  /**
   * What `aud` has to be or include; anything where it is not set. Then a token of the key server may have been made for
   * any other server that trusts it.
   */
  readonly JWT_AUDIENCE?: string | undefined;
}

type CheckedToken = TokenClaims | Invalid | "unavailable";

/** How tokens are checked. */
export interface TokenChecker {
  /** None where no token can be valid, as nothing is set to check it with. */
  readonly check: ((token: string) => Promise<CheckedToken>) | undefined;
  /** What an operator has to know of the settings: a sentence each. */
  readonly refused: readonly string[];
}

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

/** Checks JSON Web Tokens by what is set. */
export function tokenChecker(settings: TokenSettings): TokenChecker {
  const secrets = readSecrets("JWT_SECRET", settings.JWT_SECRET);
  const refused = [...secrets.refused];
  const address = settings.JWKS_URL || undefined;
  const keys = address !== undefined && isWebAddress(address) ? remoteKeys(address) : undefined;
  if (address !== undefined && !keys) refused.push("JWKS_URL is not accepted, as it is no address that can be fetched");
  if (keys && !settings.JWT_AUDIENCE) refused.push(WITHOUT_AUDIENCE);
  if (secrets.accepted.length === 0 && !keys) return { check: undefined, refused };
  const verify = verifier(secrets.accepted, keys, settings);
  return { check: (token) => checked(token, verify), refused };
}

function isWebAddress(address: string): boolean {
  return URL.canParse(address) && /^https?:$/.test(new URL(address).protocol);
}

const WITHOUT_AUDIENCE =
  "JWKS_URL is set without JWT_AUDIENCE: tokens that its key server made for others are taken too, so that the scopes " +
  "admin and metrics of its tokens grant nothing";

type Verify = (token: string) => Promise<Verified | "invalid">;

/** Finds out whether a token is one of ours, by its signature and by what is demanded of every token. */
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

/** What a claim that is not as demanded says of a token. Claims are looked at once the signature is known to be good. */
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

/** A token is valid if any of the keys made it: one of several secrets, or of a set where it does not name its key. */
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
