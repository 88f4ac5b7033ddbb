import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

/** Runs the same steps with the object left in memory, and with its memory lost between any two of them. */
export const MEMORIES: [name: string, between: (feed: string) => Promise<void>][] = [
  ["while the object stays in memory", async () => {}],
  ["with an eviction between all steps", (feed) => evict(feed)],
];

/** Takes the feed's objects out of memory: all of them, or some if it has replicas. Their sockets hibernate. */
export async function evict(feed: string): Promise<void> {
  const leader = env.FEEDS.getByName(feed);
  const { replicas } = await leader.stats();
  if (replicas.length === 0 || Math.random() < 0.5) await evictDurableObject(leader);
  for (const { name } of replicas) {
    if (Math.random() < 0.5) continue;
    const replica = env.FEED_REPLICAS.getByName(name);
    // Only an object that is in memory can be taken out of it.
    await replica.describe();
    await evictDurableObject(replica);
  }
}
