import { waitUntil } from "cloudflare:workers";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** The keys cannot be had now: whether a token is valid cannot be told. */
export class KeysUnavailable extends Error {}

/** Milliseconds that an answer of the key server may take. */
const TIMEOUT = 3_000;
/** Milliseconds for which fetched keys are used without asking. */
const FRESH = 10 * 60_000;
/** Milliseconds for which keys are used while the key server cannot be reached. */
const GRACE = 60 * 60_000;
/** Milliseconds for which a key server that failed is not asked again: no request may wait for it in vain. */
const PAUSE = 5_000;
/** Milliseconds between two questions for a key that the set lacks: anybody can make such keys up. */
const COOLDOWN = 30_000;

/** One set an address and isolate: what one request has fetched serves the others. */
const sets = new Map<string, RemoteKeys>();

/**
 * Finds keys in the JSON Web Key Set at an address. It is fetched when it is first needed, when it is ten minutes old,
 * and for a key that it lacks, twice a minute at most; never by two requests at once. Rejects with `KeysUnavailable` where
 * it cannot be fetched.
 */
export function remoteKeys(address: string): JWTVerifyGetKey {
  const set = sets.get(address) ?? new RemoteKeys(address);
  sets.set(address, set);
  return (header, token) => set.find(header, token);
}

class RemoteKeys {
  readonly #address: string;
  #keys: JWTVerifyGetKey | undefined;
  #fetchedAt = -Infinity;
  #askedAt = -Infinity;
  /** Why there was no answer the last time; nothing where there was one. */
  #failure: unknown;
  #asking: Promise<void> | undefined;

  constructor(address: string) {
    this.#address = address;
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
   * Asks the key server, or waits for the answer where somebody has asked already. Does neither where it was asked a
   * moment ago: after a failure within `PAUSE`, else within `pause`.
   */
  async #ask(pause: number): Promise<void> {
    const elapsed = since(this.#askedAt);
    // Who asked may have gone, and its question with it.
    if (!this.#asking || elapsed > TIMEOUT) {
      if (elapsed < (this.#failure === undefined ? pause : Math.max(pause, PAUSE))) return;
      this.#askedAt = Date.now();
      this.#asking = this.#fetch().finally(() => (this.#asking = undefined));
      // For the others: not to be broken off with the request that happened to be the first.
      waitUntil(this.#asking);
    }
    if (!(await within(TIMEOUT + 500, this.#asking))) this.#failure = new Error("it does not answer");
  }

  async #fetch(): Promise<void> {
    try {
      const answer = await fetch(this.#address, {
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
      // oxlint-disable-next-line no-console -- an operator has to see why nobody gets in
      console.error("tickertape: the key server at JWKS_URL gives no keys", cause);
    }
  }

  #unavailable(): KeysUnavailable {
    return new KeysUnavailable("the key server gives no keys", { cause: this.#failure });
  }
}

/** Milliseconds since a moment; more than any span where the clock was set back behind it. */
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
