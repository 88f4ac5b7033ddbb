import type { Rate } from "./quotas.ts";

/** What rounding may take from a token: a caller that comes back after the wait it was given must find its tokens. */
const ROUNDING = 1e-9;

/** An exact limit of rate, in memory only: after a restart the bucket is full. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  /** When the bucket held `#tokens`, in milliseconds. */
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /**
   * Takes `tokens` and returns 0; or takes none and returns the milliseconds until there are enough. To take more than the
   * bucket can hold, the bucket has to be full, and then goes below zero.
   */
  take(now: number, tokens = 1): number {
    const wait = this.wait(now, tokens);
    if (wait === 0) this.#tokens -= tokens;
    return wait;
  }

  /** Milliseconds until there are enough tokens; 0 if there are now. */
  wait(now: number, tokens: number): number {
    this.#fill(now);
    const { perSecond, burst } = this.#rate;
    const wanted = Math.min(tokens, burst);
    return this.#tokens < wanted - ROUNDING ? ((wanted - this.#tokens) / perSecond) * 1000 : 0;
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens === this.#rate.burst;
  }

  #fill(now: number): void {
    const { perSecond, burst } = this.#rate;
    // A clock that is set back gives nothing and takes nothing.
    const passed = Math.max(0, now - this.#at) / 1000;
    this.#tokens = Math.min(burst, this.#tokens + passed * perSecond);
    this.#at = now;
  }
}

/** From so many buckets on, full ones are removed. That changes nothing: a new bucket is full too. */
const MANY = 1_000;

/** A limit of rate for each account. */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, TokenBucket>();
  /** At so many buckets the full ones are looked for again: twice as many as remained the last time. */
  #most = MANY;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Like `TokenBucket.take`, from the bucket of `account`. */
  take(account: string, now: number, tokens = 1): number {
    return (this.#buckets.get(account) ?? this.#add(account, now)).take(now, tokens);
  }

  /** Like `TokenBucket.wait`, for the bucket of `account`. */
  wait(account: string, now: number, tokens: number): number {
    return this.#buckets.get(account)?.wait(now, tokens) ?? 0;
  }

  #add(account: string, now: number): TokenBucket {
    if (this.#buckets.size >= this.#most) {
      for (const [other, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(other);
      this.#most = Math.max(MANY, 2 * this.#buckets.size);
    }
    const bucket = new TokenBucket(this.#rate, now);
    this.#buckets.set(account, bucket);
    return bucket;
  }
}
