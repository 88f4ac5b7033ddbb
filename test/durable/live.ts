import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { LiveFeed, type FeedPlatform } from "../../src/durable/live-feed.ts";
import { DEFAULT_POLICY, type FeedPolicy } from "../../src/durable/serving/policy.ts";
import { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { newFeed } from "../support/api.ts";

/** What `open` may be given; the rest is as in a deployment. */
interface Opening extends Partial<FeedPlatform> {
  policy?: Pick<FeedPolicy, "flush" | "commit">;
  store?: FeedStore;
}

/** Opens live feeds on the storage of one object. The reasons for which they gave up are in `abandoned`. */
export interface LiveFeeds {
  readonly sql: SqlStorage;
  readonly abandoned: readonly string[];
  readonly open: (opening?: Opening) => LiveFeed;
}

export async function withLiveFeeds(act: (feeds: LiveFeeds) => Promise<void>): Promise<void> {
  await runInDurableObject(env.FEEDS.getByName(newFeed()), async (_, { storage: { sql } }) => {
    const abandoned: string[] = [];
    const open = ({ policy = DEFAULT_POLICY, store = new FeedStore(sql, FEED_LIMITS), ...rest }: Opening = {}) => {
      const platform = {
        now: () => Date.now(),
        steady: () => Date.now(),
        wakeBy: () => {},
        abandon: (reason: string) => void abandoned.push(reason),
        ...rest,
      };
      return new LiveFeed(store, platform, policy, "epoch");
    };
    await act({ sql, abandoned, open });
  });
}
