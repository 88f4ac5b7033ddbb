import type { Budget } from "../feed/fanout/budget.ts";
import type { FeedObjectOptions } from "./serving/options.ts";
import { LiveFeed, type FeedPlatform } from "./live-feed.ts";
import type { Connections } from "./sockets/connections.ts";
import { FeedStore } from "./storage/feed-store.ts";
import { newEpoch } from "./storage/state-row.ts";

/**
 * Has the feed in memory once something needs it. Most of what wakes the object does not: acks, renewed credentials and the
 * ends of sockets leave the feed where it is, in storage.
 */
export class FeedLoader {
  readonly #storage: DurableObjectStorage;
  readonly #connections: Connections;
  readonly #platform: FeedPlatform;
  readonly #options: Pick<FeedObjectOptions, "policy" | "rules">;
  readonly #budget: Budget;
  #store: FeedStore;
  #live: LiveFeed | undefined;

  constructor(
    storage: DurableObjectStorage,
    connections: Connections,
    platform: FeedPlatform,
    options: Pick<FeedObjectOptions, "policy" | "rules">,
    budget: Budget,
  ) {
    this.#storage = storage;
    this.#connections = connections;
    this.#platform = platform;
    this.#options = options;
    this.#budget = budget;
    this.#store = this.#newStore();
  }

  get store(): FeedStore {
    return this.#store;
  }

  /** Whether the feed was ever published to, or reset. */
  get exists(): boolean {
    return this.#store.exists;
  }

  /** The feed, if it is in memory. */
  get inMemory(): LiveFeed | undefined {
    return this.#live;
  }

  /** The feed. If it is not in memory it is read from storage, and joined to the sockets that are still open. */
  open(): LiveFeed {
    if (this.#live) return this.#live;
    // A socket whose credential has expired gets nothing, even if the alarm was lost.
    this.#connections.closeExpired(this.#platform.now());
    const connections = this.#connections.open();
    // A feed that was never published to has no epoch in storage: it keeps the one that its subscribers have.
    const epoch = connections[0]?.position?.epoch ?? newEpoch();
    const live = new LiveFeed(this.#store, this.#platform, this.#options.policy, epoch, this.#budget);
    this.#live = live;
    this.#platform.opened?.(live.feed);
    for (const connection of connections) connection.rejoin(live);
    live.flush();
    return live;
  }

  /** The feed, with everything committed, so that it may be shown. */
  committed(): LiveFeed {
    const live = this.open();
    live.commit();
    return live;
  }

  /** Ends the feed: batches that wait for their receipts get them, and nothing is sent any more. */
  end(): void {
    this.#live?.end();
    this.#live = undefined;
  }

  /** Deletes all that is stored. The feed does not exist then. */
  async deleteAll(): Promise<void> {
    await this.#storage.deleteAll();
    this.#store = this.#newStore();
  }

  #newStore(): FeedStore {
    return new FeedStore(this.#storage.sql, this.#options.rules);
  }
}
