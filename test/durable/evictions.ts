import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

/** Runs the same steps with the object left in memory, and with its memory lost between any two of them. */
export const MEMORIES: [name: string, between: (feed: string) => Promise<void>][] = [
  ["while the object stays in memory", async () => {}],
  ["with an eviction between all steps", (feed) => evict(feed)],
];

/** Takes the feed's object out of memory. Its sockets hibernate. */
export async function evict(feed: string): Promise<void> {
  const stub = env.FEEDS.getByName(feed);
  await stub.stats();
  await evictDurableObject(stub);
}
