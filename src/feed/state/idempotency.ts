import { LIMITS, SERVER_LIMITS } from "../../protocol/limits.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import { parseSessionKey } from "../../protocol/session-key.ts";
import { hash32 } from "./hash.ts";
import { RememberedSpan, type Hashes } from "./remembered-span.ts";

/** What identifies a publish with an idempotency key. */
export interface IdempotencyKey {
  readonly key: string;
  /** Digest of the body's bytes, if it came by POST; else "". A repeat with another body is a mistake of the publisher. */
  readonly digest: string;
  /** The credential that it came with. */
  readonly credential: string;
  /** The publisher: the same for all its credentials, so that they can be rotated. */
  readonly principal: string;
}

/** A publish with a key, to be remembered. */
export interface KeyedPublish extends IdempotencyKey {
  /** Hash of the updates as they are encoded, which are the same over POST and socket. */
  readonly content: number;
}

/** A publish with an idempotency key, with all that the answer to its repeat needs. */
export interface RememberedPublish extends IdempotencyKey {
  /** Undefined if it was remembered by a version that took keys over POST only. */
  readonly content: number | undefined;
  /** The number of this publish among all that the feed has remembered. */
  readonly ordinal: number;
  readonly hashes: Hashes;
  /** When it was accepted, in milliseconds since 1970. */
  readonly at: number;
  readonly receipt: Receipt;
}

/** A publish that was remembered by a version of this server that did not note credentials. */
export type EarlierPublish = Pick<RememberedPublish, "key" | "digest" | "at" | "receipt">;

/** `incomparable`: one came by POST, of which only the bytes are known, and the other over a socket. */
export type Repeat = { kind: "repeat"; receipt: Receipt } | { kind: "mismatch" | "incomparable" };

/** Milliseconds of publishes that are forgotten together. */
const SPAN = 20_000;
/** Publishes with the same key and principal, but different bodies and credentials, that are told apart. */
const MOST_OF_A_KEY = 16;

/** Publishes of the last ten minutes with an idempotency key: hashes here, some 12 bytes each; receipts in storage. */
export class Idempotency {
  readonly #seed: number;
  readonly #stored: (ordinal: number) => RememberedPublish | undefined;
  readonly #most: number;
  /** Oldest first. */
  #spans: RememberedSpan[] = [];
  #size = 0;
  #next = 1;
  /** Publishes that are not written yet. */
  readonly #unwritten = new Map<number, RememberedPublish>();
  readonly #earlier = new Map<string, EarlierPublish>();

  /** `stored` reads what was written. A feed keeps its `seed`, as hashes are stored too. */
  constructor(
    seed: number,
    stored: (ordinal: number) => RememberedPublish | undefined,
    most: number = SERVER_LIMITS.rememberedPublishes,
  ) {
    this.#seed = seed;
    this.#stored = stored;
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return this.#spans.reduce((sum, span) => sum + span.bytes, 0);
  }

  /**
   * Whether a publish repeats another. `mismatch`: same key, but another body. A publish with another body and another
   * credential is no mismatch, so that no caller can occupy a key that another will use.
   */
  find(wanted: KeyedPublish, now: number): Repeat | undefined {
    let mismatch = false;
    let incomparable = false;
    let others = 0;
    for (const found of this.#withKey(wanted, now)) {
      const same = isSame(found, wanted);
      if (same === true) return { kind: "repeat", receipt: found.receipt };
      incomparable ||= same === undefined;
      mismatch ||= found.credential === wanted.credential;
      if (++others >= MOST_OF_A_KEY) return { kind: "mismatch" };
    }
    const earlier = this.#earlier.get(wanted.key);
    if (earlier && earlier.at + LIMITS.idempotencyWindow > now) {
      if (wanted.digest === "") incomparable = true;
      else if (earlier.digest === wanted.digest) return { kind: "repeat", receipt: earlier.receipt };
      mismatch = true;
    }
    if (incomparable) return { kind: "incomparable" };
    return mismatch ? { kind: "mismatch" } : undefined;
  }

  /** Whether a publish of this principal's with this key is remembered. */
  has(key: string, principal: string, now: number): boolean {
    return this.#withKey({ key, principal }, now).next().done !== true;
  }

  *#withKey(
    { key, principal }: Pick<IdempotencyKey, "key" | "principal">,
    now: number,
  ): Generator<RememberedPublish, undefined> {
    if (this.#size === 0) return;
    const hash = this.#hashOf(key, principal);
    for (const span of this.#spans) {
      for (const ordinal of span.find(hash)) {
        const found = this.#unwritten.get(ordinal) ?? this.#stored(ordinal);
        if (found?.key !== key || found.principal !== principal) continue;
        if (found.at + LIMITS.idempotencyWindow > now) yield found;
      }
    }
  }

  /** Milliseconds until there is room for one more publish of a credential, which may have as many as it leaves to others. */
  waitForRoom(credential: string, now: number): number {
    this.#forget(now);
    const hash = hash32(credential, this.#seed);
    const own = this.#spans.reduce((sum, span) => sum + span.countOf(hash), 0);
    if (own < this.#most - this.#size) return 0;
    const [oldest] = this.#spans;
    return oldest ? Math.max(1, oldest.last + LIMITS.idempotencyWindow - now) : 0;
  }

  remember(publish: KeyedPublish & Pick<RememberedPublish, "at" | "receipt">): RememberedPublish {
    const remembered = { ...publish, ordinal: this.#next, hashes: this.#hashes(publish) };
    this.#unwritten.set(remembered.ordinal, remembered);
    this.restore(remembered.ordinal, remembered.hashes, publish.at);
    return remembered;
  }

  /** Gives a publish an ordinal that is remembered elsewhere: to be stored among the others. */
  pass(publish: KeyedPublish & Pick<RememberedPublish, "at" | "receipt">): RememberedPublish {
    return { ...publish, ordinal: this.#next++, hashes: this.#hashes(publish) };
  }

  /** Notes that the ordinals up to this one are given, to publishes that are remembered elsewhere or have expired. */
  passed(ordinal: number): void {
    this.#next = Math.max(this.#next, ordinal + 1);
  }

  /** Notes that publishes are written: storage has them now. */
  written(publishes: readonly RememberedPublish[]): void {
    for (const { ordinal } of publishes) this.#unwritten.delete(ordinal);
  }

  /** Restores a stored publish. They come in order; one that comes twice is skipped. */
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
    return { key: this.#hashOf(key, principal), credential: hash32(credential, this.#seed) };
  }

  #hashOf(key: string, principal: string): number {
    return hash32(`${principal}\n${key}`, this.#seed);
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

/**
 * Whether two publishes with one key have the same body; undefined if that cannot be told. Two POSTs compare their bytes,
 * except those of a session: its first number means what all its numbers mean.
 */
function isSame(found: RememberedPublish, wanted: KeyedPublish): boolean | undefined {
  const comparesBytes = found.content === undefined || !parseSessionKey(wanted.key);
  if (comparesBytes && found.digest !== "" && wanted.digest !== "") return found.digest === wanted.digest;
  return found.content === undefined ? undefined : found.content === wanted.content;
}
