import { inTime } from "../../limits/in-time.ts";
import { TokenBucket } from "../../limits/token-bucket.ts";
import type { DirectoryStore, ListedFeed } from "./directory-store.ts";
import type { FeedStats } from "./rpc.ts";

/** What the directory reports of a feed. */
export interface FeedReport {
  readonly feed: string;
  /** The stats that the feed gave when it was last asked; undefined if it has never answered. */
  readonly stats: FeedStats | undefined;
  /** False if the feed was asked and did not answer. */
  readonly readable: boolean;
}

/**
 * Feeds that are asked in a second, in the long run and at once. Without it, lists in quick succession would ask each busy
 * feed once for each list, and each feed would tell the directory every time that it has changed since.
 */
const ASKED = { perSecond: 250, burst: 1_000 };
/** Milliseconds that a feed has to answer: a feed that hangs delays a list no longer than this. */
const LONGEST_WAIT = 2_000;
/** Milliseconds for which a feed that did not answer is not asked again. */
const LEFT_ALONE = 10_000;
/** Milliseconds after which a feed with subscribers is asked anyway: a deployment ends sockets without waking it. */
const DOUBTED = 10 * 60_000;

/** Milliseconds without an update after which a feed hibernates. Only then are its stats stored, for two rows. */
const QUIET = 10_000;

interface Asking {
  readonly done: Promise<void>;
  /** Whether the feed has changed since it was asked. */
  isOutdated: boolean;
}

/** The stats of feeds: stored ones, and the answers of those that have changed since they were stored. */
export class Survey {
  readonly #store: DirectoryStore;
  readonly #ask: (feed: string) => Promise<FeedStats>;
  readonly #asked: TokenBucket;
  readonly #asking = new Map<string, Asking>();
  /** The answers of busy feeds. In storage these feeds are marked as changed. */
  readonly #busy = new Map<string, { stats: FeedStats; asked: number; hasChanged: boolean }>();
  /** Feeds that did not answer, and until when they are left alone. */
  readonly #silent = new Map<string, number>();

  constructor(store: DirectoryStore, ask: (feed: string) => Promise<FeedStats>, now: number) {
    this.#store = store;
    this.#ask = ask;
    this.#asked = new TokenBucket(ASKED, now);
  }

  change(feed: string): void {
    this.#silent.delete(feed);
    const asking = this.#asking.get(feed);
    if (asking) asking.isOutdated = true;
    const busy = this.#busy.get(feed);
    if (busy) busy.hasChanged = true;
    else this.#store.change(feed);
  }

  forget(feed: string): void {
    this.#silent.delete(feed);
    this.#asking.delete(feed);
    this.#busy.delete(feed);
  }

  /** Reports on those of the feeds that exist. A hibernating feed that has reported no change is not woken. */
  async describe(names: readonly string[], now: number): Promise<FeedReport[]> {
    for (const [feed, until] of this.#silent) if (until <= now) this.#silent.delete(feed);
    for (const feed of names) this.#storeIfQuiet(feed, now);
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

  #storeIfQuiet(feed: string, now: number): void {
    const busy = this.#busy.get(feed);
    if (!busy || busy.hasChanged || now - busy.stats.time < QUIET) return;
    this.#store.describe(feed, busy.stats, busy.asked);
    this.#busy.delete(feed);
  }

  /** Asks a feed if what is known of it may be outdated. Never rejects. */
  async #learn(feed: string, now: number): Promise<void> {
    const known = this.#known(feed);
    const isDoubtful = (known?.stats?.subscribers ?? 0) > 0 && Math.abs(now - (known?.asked ?? 0)) > DOUBTED;
    if (!known || !(known.changed || isDoubtful) || this.#silent.has(feed)) return;
    const current = this.#asking.get(feed);
    if (current && !current.isOutdated) return current.done;
    // The last known stats are shown instead. A feed without any is asked in any case: it would not be shown.
    if (known.stats && this.#asked.take(now) > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const asking: Asking = { done: promise, isOutdated: false };
    this.#asking.set(feed, asking);
    this.#store.change(feed);
    try {
      const stats = await inTime(this.#ask(feed), LONGEST_WAIT, () => new Error("the feed did not answer"));
      // A later question has a newer answer. A feed that was removed meanwhile has no entry here.
      if (this.#asking.get(feed) === asking) {
        this.#busy.set(feed, { stats, asked: now, hasChanged: asking.isOutdated });
        this.#storeIfQuiet(feed, now);
      }
    } catch {
      if (this.#asking.get(feed) === asking) this.#silent.set(feed, now + LEFT_ALONE);
    } finally {
      if (this.#asking.get(feed) === asking) this.#asking.delete(feed);
      resolve();
    }
  }
}
