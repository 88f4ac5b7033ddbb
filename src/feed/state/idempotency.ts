import { LIMITS } from "../../protocol/limits.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import { hash32 } from "./hash.ts";
import { RememberedSpan, type Hashes } from "./remembered-span.ts";

/** What a publish with an idempotency key is known by. */
export interface IdempotencyKey {
  readonly key: string;
  /** Digest of the body: a repeat with another body is a mistake of the publisher's. */
  readonly digest: string;
  /** The credential that it came with. */
  readonly credential: string;
  /** Whose key it is: the same for all credentials of one publisher, so that they can be rotated. */
  readonly principal: string;
}

/** A publish that carried an idempotency key, with all that its repeat needs. */
export interface RememberedPublish extends IdempotencyKey {
  /** Counts those that a feed has remembered: by it a publish is found again. */
  readonly ordinal: number;
  readonly hashes: Hashes;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at: number;
  readonly receipt: Receipt;
}

/** A publish that was remembered before keys were kept apart by credential: all that is known of it. */
export type EarlierPublish = Pick<RememberedPublish, "key" | "digest" | "at" | "receipt">;

export type Repeat = { kind: "repeat"; receipt: Receipt } | { kind: "mismatch" };

/** Milliseconds of publishes that are forgotten together. */
const SPAN = 20_000;
/** Publishes under one key, each with a body and a credential of its own, that are told apart. */
const MOST_OF_A_KEY = 16;

/**
 * The publishes of the last ten minutes that carried an idempotency key. In memory are some twelve bytes of each,
 * their hashes; the receipts stay where they are stored, and are read when a hash is met again.
 */
export class Idempotency {
  readonly #seed: number;
  readonly #stored: (ordinal: number) => RememberedPublish | undefined;
  readonly #most: number;
  /** Oldest first. */
  #spans: RememberedSpan[] = [];
  #size = 0;
  #next = 1;
  /** Those that are not written yet. */
  readonly #unwritten = new Map<number, RememberedPublish>();
  readonly #earlier = new Map<string, EarlierPublish>();

  /** `stored` reads back what was written. The `seed` stays the same for a feed, for its hashes are stored too. */
  constructor(
    seed: number,
    stored: (ordinal: number) => RememberedPublish | undefined,
    most: number = LIMITS.rememberedPublishes,
  ) {
    this.#seed = seed;
    this.#stored = stored;
    this.#most = most;
  }

  /** The ordinal of the next one that is remembered. */
  get next(): number {
    return this.#next;
  }

  /** Publishes remembered, and the bytes that this takes. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#spans.reduce((sum, span) => sum + span.bytes, 0);
  }

  /**
   * Whether the publish repeats another. One with another body and of another credential has nothing to do with it:
   * nobody can take a key that somebody else will use.
   */
  find(wanted: IdempotencyKey, now: number): Repeat | undefined {
    const { key: hash } = this.#hashes(wanted);
    let mismatch = false;
    let others = 0;
    for (const span of this.#spans) {
      for (const ordinal of span.find(hash)) {
        const found = this.#unwritten.get(ordinal) ?? this.#stored(ordinal);
        if (found?.key !== wanted.key || found.principal !== wanted.principal) continue;
        if (found.at + LIMITS.idempotencyWindow <= now) continue;
        if (found.digest === wanted.digest) return { kind: "repeat", receipt: found.receipt };
        mismatch ||= found.credential === wanted.credential;
        if (++others >= MOST_OF_A_KEY) return { kind: "mismatch" };
      }
    }
    const earlier = this.#earlier.get(wanted.key);
    if (earlier && earlier.at + LIMITS.idempotencyWindow > now) {
      if (earlier.digest === wanted.digest) return { kind: "repeat", receipt: earlier.receipt };
      mismatch = true;
    }
    return mismatch ? { kind: "mismatch" } : undefined;
  }

  /** Milliseconds until there is room for one more of a credential, which has at most as much as is left for others. */
  waitForRoom(credential: string, now: number): number {
    this.#forget(now);
    const hash = hash32(credential, this.#seed);
    const own = this.#spans.reduce((sum, span) => sum + span.countOf(hash), 0);
    if (own < this.#most - this.#size) return 0;
    const [oldest] = this.#spans;
    return oldest ? Math.max(1, oldest.last + LIMITS.idempotencyWindow - now) : 0;
  }

  remember(publish: IdempotencyKey & Pick<RememberedPublish, "at" | "receipt">): RememberedPublish {
    const remembered = { ...publish, ordinal: this.#next, hashes: this.#hashes(publish) };
    this.#unwritten.set(remembered.ordinal, remembered);
    this.restore(remembered.ordinal, remembered.hashes, publish.at);
    return remembered;
  }

  /** They can be read from where they are stored. */
  written(publishes: readonly RememberedPublish[]): void {
    for (const { ordinal } of publishes) this.#unwritten.delete(ordinal);
  }

  /** Puts back one that is stored; they come in order, and a repeated one is passed over. */
  restore(ordinal: number, { key, credential }: Hashes, at: number): void {
    if (ordinal < this.#next) return;
    this.#next = ordinal + 1;
    let span = this.#spans.at(-1);
    if (!span || at >= span.first + SPAN) {
      span = new RememberedSpan(at, ordinal);
      this.#spans.push(span);
    }
    span.add(ordinal, key, credential, at);
    this.#size++;
  }

  restoreEarlier(publish: EarlierPublish): void {
    this.#earlier.set(publish.key, publish);
  }

  #hashes({ principal, key, credential }: IdempotencyKey): Hashes {
    return { key: hash32(`${principal}\n${key}`, this.#seed), credential: hash32(credential, this.#seed) };
  }

  #forget(now: number): void {
    for (let [span] = this.#spans; span && span.last + LIMITS.idempotencyWindow <= now; [span] = this.#spans) {
      this.#size -= span.size;
      this.#spans.shift();
    }
    for (const [key, { at }] of this.#earlier) {
      if (at + LIMITS.idempotencyWindow > now) break;
      this.#earlier.delete(key);
    }
  }
}
