import type { Rate } from "./quotas.ts";

/** What rounding may take from a token: who comes back when it was told to finds what it asked for. */
const ROUNDING = 1e-9;

/** An exact limit of rate. In memory only: whoever starts anew starts with a full bucket. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  /** When it had so many, in milliseconds. */
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /**
   * Takes so many and returns 0, or takes none and returns after how many milliseconds there will be as many. What is
   * more than the bucket holds waits for a full one, and is owed beyond it.
   */
  take(now: number, tokens = 1): number {
    const wait = this.wait(now, tokens);
    if (wait === 0) this.#tokens -= tokens;
    return wait;
  }

  /** After how many milliseconds there will be so many; 0 where there are. */
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

/** Buckets at a time; past it those that are full again are thrown away, which changes nothing. */
const MANY = 1_000;

/** A limit of rate for each who takes. */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, TokenBucket>();
  /** How many there may be before the full ones are looked for again: as many as were left, twice. */
  #most = MANY;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** As `TokenBucket.take`, from the bucket of `taker`. */
  take(taker: string, now: number, tokens = 1): number {
    return (this.#buckets.get(taker) ?? this.#add(taker, now)).take(now, tokens);
  }

  /** As `TokenBucket.wait`, for the bucket of `taker`. */
  wait(taker: string, now: number, tokens: number): number {
    return this.#buckets.get(taker)?.wait(now, tokens) ?? 0;
  }

  #add(taker: string, now: number): TokenBucket {
    if (this.#buckets.size >= this.#most) {
      for (const [other, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(other);
      this.#most = Math.max(MANY, 2 * this.#buckets.size);
    }
    const bucket = new TokenBucket(this.#rate, now);
    this.#buckets.set(taker, bucket);
    return bucket;
  }
}
