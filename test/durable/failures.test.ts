import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { newFeed, publish } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

afterEach(() => void vi.restoreAllMocks());

/** Makes the log unreadable, or readable again. */
async function rename(feed: string, from: string, to: string): Promise<void> {
  await runInDurableObject(env.FEEDS.getByName(feed), (_, { storage }) => {
    storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
  });
}

test("[STEP5] [I2] a subscriber whose catch-up fails is closed with 4503, and the log says why", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const feed = newFeed();
  const first = await (await TestSubscriber.connect(feed)).reaches(0);
  await publish(feed, { key: "A", set: { p: 1 } });
  await first.reaches(1);
  await publish(feed, { key: "A", set: { p: 2 } });
  const { since, view } = await first.reaches(2);
  first.close();
  await publish(feed, { key: "A", set: { p: 3 } });
  const other = await (await TestSubscriber.connect(feed)).reaches(3);
  await rename(feed, "journal", "lost");
  const lost = await TestSubscriber.connect(feed, `?mode=all&since=${since}`, {}, view);
  await lost.until(({ closed }) => closed !== undefined, "the close");
  expect(lost.closed).toMatchObject({ code: 4503 });
  expect(logged).toHaveBeenCalledWith("tickertape: a subscriber could not be served", expect.any(Error));
  // The subscriber comes back, and the others have gone on.
  await rename(feed, "lost", "journal");
  const back = await TestSubscriber.connect(feed, `?mode=all&since=${since}`, {}, view);
  await publish(feed, { key: "A", set: { p: 4 } });
  for (const subscriber of [back, other]) expect((await subscriber.reaches(4)).state()).toEqual({ A: { p: 4 } });
});
