import { TokenBucket } from "../../limits/token-bucket.ts";
import type { DirectoryStore, ListedFeed } from "./directory-store.ts";
import type { FeedStats } from "../reads.ts";

/** What the directory can say of a feed. */
export interface FeedReport {
  readonly feed: string;
  /** How it was when it was last asked; nothing where it could never be asked. */
  readonly stats: FeedStats | undefined;
  /** False where it was asked, and did not answer. */
  readonly readable: boolean;
}

/**
 * Feeds that are asked in a second, in the long run and at once. Lists that come one upon the other would else have each
 * busy feed asked for each of them, and tell the directory each time that it has changed since.
 */
const ASKED = { perSecond: 250, burst: 1_000 };
/** Milliseconds that a feed has to answer: one that hangs keeps no list waiting for longer. */
const PATIENCE = 2_000;
/** Milliseconds for which a feed that did not answer is not asked again. */
const LEFT_ALONE = 10_000;
/**
 * Milliseconds after which one that has subscribers is asked although it said nothing: with a deployment its sockets end,
 * and nobody wakes it to tell.
 */
const DOUBTED = 10 * 60_000;

/**
 * Milliseconds without an update after which a feed goes to sleep, and it is written down how it is. Of one that is
 * published to it is only remembered: to write it each time that somebody wants to know would cost two rows.
 */
const QUIET = 10_000;

interface Asking {
  readonly done: Promise<void>;
  /** Whether it has changed since it was asked. */
  isOutdated: boolean;
}

/** How the feeds are: what is stored of them, and of those that have changed since what they answer when they are asked. */
export class Survey {
  readonly #store: DirectoryStore;
  readonly #ask: (feed: string) => Promise<FeedStats>;
  readonly #asked: TokenBucket;
  readonly #asking = new Map<string, Asking>();
  /** What busy feeds have answered. Stored, they are such as have changed. */
  readonly #busy = new Map<string, { stats: FeedStats; asked: number; hasChanged: boolean }>();
  /** Until when those that did not answer are left alone. */
  readonly #silent = new Map<string, number>();

  constructor(store: DirectoryStore, ask: (feed: string) => Promise<FeedStats>, now: number) {
    this.#store = store;
    this.#ask = ask;
    this.#asked = new TokenBucket(ASKED, now);
  }

  /** Notes that a feed has changed. */
  change(feed: string): void {
    this.#silent.delete(feed);
    const asking = this.#asking.get(feed);
    if (asking) asking.isOutdated = true;
    const busy = this.#busy.get(feed);
    if (busy) busy.hasChanged = true;
    else this.#store.change(feed);
  }

  /** Notes that a feed is no more. */
  forget(feed: string): void {
    this.#silent.delete(feed);
    this.#asking.delete(feed);
    this.#busy.delete(feed);
  }

  /** Those of the feeds that exist. Sleeping ones that have told of no change are left asleep. */
  async describe(names: readonly string[], now: number): Promise<FeedReport[]> {
    for (const [feed, until] of this.#silent) if (until <= now) this.#silent.delete(feed);
    for (const feed of names) this.#settle(feed, now);
    await Promise.all(names.map((feed) => this.#learn(feed, now)));
    return names.flatMap((feed) => {
      const known = this.#known(feed);
      const readable = !this.#silent.has(feed);
      if (!known || (known.stats ? !known.stats.exists : readable)) return [];
      return [{ feed, stats: known.stats, readable }];
    });
  }

  #known(feed: string): ListedFeed | undefined {
    const stored = this.#store.get(feed);
    const busy = this.#busy.get(feed);
    return stored && busy ? { stats: busy.stats, asked: busy.asked, changed: busy.hasChanged } : stored;
  }

  /** Writes down how a feed is that is quiet by now. */
  #settle(feed: string, now: number): void {
    const busy = this.#busy.get(feed);
    if (!busy || busy.hasChanged || now - busy.stats.time < QUIET) return;
    this.#store.describe(feed, busy.stats, busy.asked);
    this.#busy.delete(feed);
  }

  /** Asks a feed of which it is not known how it is. Never rejects. */
  async #learn(feed: string, now: number): Promise<void> {
    const known = this.#known(feed);
    const isDoubtful = (known?.stats?.subscribers ?? 0) > 0 && Math.abs(now - (known?.asked ?? 0)) > DOUBTED;
    if (!known || !(known.changed || isDoubtful) || this.#silent.has(feed)) return;
    const current = this.#asking.get(feed);
    if (current && !current.isOutdated) return current.done;
    // Shown as it was last known; one that was never asked would not be shown.
    if (known.stats && this.#asked.take(now) > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const asking: Asking = { done: promise, isOutdated: false };
    this.#asking.set(feed, asking);
    this.#store.change(feed);
    try {
      const stats = await inTime(this.#ask(feed));
      // Whoever was asked later knows better; whoever was forgotten meanwhile is not there.
      if (this.#asking.get(feed) === asking) {
        this.#busy.set(feed, { stats, asked: now, hasChanged: asking.isOutdated });
        this.#settle(feed, now);
      }
    } catch {
      if (this.#asking.get(feed) === asking) this.#silent.set(feed, now + LEFT_ALONE);
    } finally {
      if (this.#asking.get(feed) === asking) this.#asking.delete(feed);
      resolve();
    }
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("the feed did not answer")), PATIENCE);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
