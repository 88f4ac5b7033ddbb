import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";

/** The keys cannot be had now: whether a token is valid cannot be told. */
export class KeysUnavailable extends Error {}

/** Milliseconds that an answer of the key server may take. */
const TIMEOUT = 3_000;
/** Milliseconds for which a key server that failed is not asked again: no request may wait for it in vain. */
const PAUSE = 5_000;
/** Milliseconds for which keys are used past their age while the key server cannot be reached. */
const GRACE = 60 * 60_000;

/** One set an address and isolate: what one request has fetched serves the next. */
const sets = new Map<string, JWTVerifyGetKey>();

/**
 * Finds keys in the JSON Web Key Set at an address. It is fetched when it is first needed, when it is ten minutes old,
 * and for a key that it lacks, twice a minute at most. Rejects with `KeysUnavailable` where it cannot be fetched.
 */
export function remoteKeys(address: string): JWTVerifyGetKey {
  let keys = sets.get(address);
  if (!keys) {
    keys = fetchedKeys(address);
    sets.set(address, keys);
  }
  return keys;
}

function fetchedKeys(address: string): JWTVerifyGetKey {
  if (!URL.canParse(address)) throw new Error("JWKS_URL is not an address");
  const remote = createRemoteJWKSet(new URL(address), { timeoutDuration: TIMEOUT });
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAt = -Infinity;
  let failedAt = -Infinity;

  const fetchKeys = async (): Promise<JWTVerifyGetKey> => {
    const now = Date.now();
    if (now < failedAt + PAUSE) throw new KeysUnavailable("the key server failed a moment ago");
    try {
      await remote.reload();
      const fetched = remote.jwks();
      if (!fetched) throw new Error("there is no set of keys");
      fetchedAt = now;
      keys = createLocalJWKSet(fetched);
      return keys;
    } catch (cause) {
      failedAt = now;
      throw new KeysUnavailable("the key server gives no keys", { cause });
    }
  };

  return async (header, token) => {
    const old = Date.now() < fetchedAt + GRACE ? keys : undefined;
    if (!old || !remote.fresh) {
      const current = await fetchKeys().catch((error: unknown) => {
        if (old) return old;
        throw error;
      });
      return current(header, token);
    }
    try {
      return await old(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || remote.coolingDown) throw error;
    }
    return (await fetchKeys())(header, token);
  };
}
