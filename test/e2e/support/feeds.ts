import type { Feed } from "../../../src/client/index.ts";
import { until } from "./until.ts";

/** Waits until a feed of the client is live. */
export async function isLive(feed: Feed<unknown>, ms = 20_000): Promise<void> {
  await until(
    () => feed.state === "live",
    () => `live; it is ${JSON.stringify(feed.status)}`,
    { ms },
  );
}

/** Waits until a feed of the client stands at exactly this position. */
export async function standsAt(feed: Feed<unknown>, { epoch, seq }: { epoch: string; seq: number }): Promise<void> {
  await until(
    () => feed.position === `${epoch}:${seq}`,
    () => `${epoch}:${seq}; it stands at ${feed.position}, ${JSON.stringify(feed.status)}`,
    { ms: 40_000 },
  );
}
