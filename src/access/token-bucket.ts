import type { Rate } from "./quotas.ts";

/** What rounding may take from one: who comes back when it was told to finds one. */
const ONE = 1 - 1e-9;

/** An exact limit of rate. In memory only: whoever starts anew starts with a full bucket. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  /** When it had so many, in milliseconds since 1970. */
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes one and returns 0, or takes none and returns after how many milliseconds there will be one. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens < ONE) return ((1 - this.#tokens) / this.#rate.perSecond) * 1000;
    this.#tokens--;
    return 0;
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

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** As `TokenBucket.take`, from the bucket of `taker`. */
  take(taker: string, now: number): number {
    return (this.#buckets.get(taker) ?? this.#add(taker, now)).take(now);
  }

  #add(taker: string, now: number): TokenBucket {
    if (this.#buckets.size >= MANY) {
      for (const [other, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(other);
    }
    const bucket = new TokenBucket(this.#rate, now);
    this.#buckets.set(taker, bucket);
    return bucket;
  }
}
