import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { FeedObject } from "../../src/index.ts";
import { newFeed, publish } from "../support/api.ts";

test("[I8] reads that wait when a feed is forgotten are answered, and do not block later ones", async () => {
  const feed = newFeed();
  let epoch = "";
  for (let i = 0; i < 12; i++) ({ epoch } = await publish(feed, { key: `k${i}`, set: { t: "x".repeat(60_000) } }));
  await runInDurableObject(env.FEEDS.getByName(feed), async (object: FeedObject) => {
    const read = (account: string): ReturnType<FeedObject["read"]> =>
      object.read({
        selection: "*",
        mode: "latest",
        since: { epoch, seq: 0 },
        known: [],
        caller: { kind: "token", credential: account, clientIp: undefined },
      });
    const waiting = [
      ...Array.from({ length: 24 }, (_, i) => read(`account ${i % 3}`)),
      ...Array.from({ length: 24 }, (_, i) => object.readHistory("k1", 10, undefined, `account ${i % 3}`)),
    ];
    await object.forget();
    const outcomes = await Promise.all(waiting);
    expect(outcomes.filter((outcome) => outcome === undefined).length).toBeGreaterThan(10);
    for (const account of ["x", "y", "z"]) {
      expect(await read(account)).toMatchObject({ isEmpty: false });
      expect(await object.readHistory("k1", 10, undefined, account)).toMatchObject({ updates: [], more: false });
    }
  });
});
