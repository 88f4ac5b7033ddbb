import { waitUntil } from "cloudflare:workers";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** The keys cannot be fetched now: a token can be neither accepted nor refused. */
export class KeysUnavailable extends Error {}

/** Milliseconds that the key server may take to answer. */
const TIMEOUT = 3_000;
/** Milliseconds for which fetched keys are used without asking again. */
const FRESH = 10 * 60_000;
/** Milliseconds for which keys are used while the key server cannot be reached. */
const GRACE = 60 * 60_000;
/** Milliseconds for which a key server that failed is not asked again, so that no request waits for it in vain. */
const PAUSE = 5_000;
/** Milliseconds between two fetches for a key that is not in the set: anyone can make up such keys. */
const COOLDOWN = 30_000;

/** One set for each URL and isolate: what one request has fetched serves the others. */
const sets = new Map<string, RemoteKeys>();

/**
 * Finds keys in the JSON Web Key Set at a URL. The set is fetched when it is first needed, when it is ten minutes old, and
 * for a key that is not in it, twice a minute at most; never by two requests at once. Rejects with `KeysUnavailable` if it
 * cannot be fetched.
 */
export function remoteKeys(url: string): JWTVerifyGetKey {
  const set = sets.get(url) ?? new RemoteKeys(url);
  sets.set(url, set);
  return (header, token) => set.find(header, token);
}

class RemoteKeys {
  readonly #url: string;
  #keys: JWTVerifyGetKey | undefined;
  #fetchedAt = -Infinity;
  #askedAt = -Infinity;
  /** Why the last fetch failed; undefined if it did not. */
  #failure: unknown;
  #asking: Promise<void> | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async find(...wanted: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    if (since(this.#fetchedAt) >= FRESH) await this.#ask(PAUSE);
    const keys = since(this.#fetchedAt) < GRACE ? this.#keys : undefined;
    if (!keys) throw this.#unavailable();
    try {
      return await keys(...wanted);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#ask(COOLDOWN);
      if (this.#failure !== undefined) throw this.#unavailable();
      if (!this.#keys || this.#keys === keys) throw error;
      return this.#keys(...wanted);
    }
  }

  /**
   * Asks the key server, or waits for the answer if another request has asked. Does neither if it was asked a moment ago:
   * after a failure within `PAUSE` milliseconds, else within `pause`.
   */
  async #ask(pause: number): Promise<void> {
    const elapsed = since(this.#askedAt);
    // The request that asked may be gone, and its fetch with it.
    if (!this.#asking || elapsed > TIMEOUT) {
      if (elapsed < (this.#failure === undefined ? pause : Math.max(pause, PAUSE))) return;
      this.#askedAt = Date.now();
      this.#asking = this.#fetch().finally(() => (this.#asking = undefined));
      // It must not be broken off with the request that happened to be first: others wait for it.
      waitUntil(this.#asking);
    }
    if (!(await within(TIMEOUT + 500, this.#asking))) this.#failure = new Error("it does not answer");
  }

  async #fetch(): Promise<void> {
    try {
      const answer = await fetch(this.#url, {
        headers: { Accept: "application/json, application/jwk-set+json" },
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT),
      });
      if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
      this.#keys = createLocalJWKSet(await answer.json<JSONWebKeySet>());
      this.#fetchedAt = Date.now();
      this.#failure = undefined;
    } catch (cause) {
      this.#failure = cause;
      // oxlint-disable-next-line no-console -- the operator has to see why every token is refused
      console.error("tickertape: the key server at JWKS_URL gives no keys", cause);
    }
  }

  #unavailable(): KeysUnavailable {
    return new KeysUnavailable("the key server gives no keys", { cause: this.#failure });
  }
}

/** Milliseconds since a moment; Infinity if the clock was set back behind it. */
function since(moment: number): number {
  const elapsed = Date.now() - moment;
  return elapsed < 0 ? Infinity : elapsed;
}

/** Whether something ends within so many milliseconds. */
async function within(milliseconds: number, ending: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  const isEnded = await Promise.race([ending.then(() => true), promise]);
  clearTimeout(timer);
  return isEnded;
}
