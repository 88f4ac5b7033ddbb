import { describe, expect, test } from "vitest";
import { newFeed, publish } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

describe("a window that hz opened", () => {
  test("is ended by a subscribe message, which brings what waited first", async () => {
    const feed = newFeed();
    const subscriber = await (await TestSubscriber.connect(feed, "?hz=0.1")).reaches(0);
    for (let n = 0; n < 3; n++) await publish(feed, { key: "A", set: { n } });
    expect(subscriber.position?.seq).toBe(1);
    subscriber.send({ type: "subscribe", id: 1 });
    await subscriber.message("snapshot", 1);
    expect(subscriber.view.updates.at(-1), "what waited came before the answer").toEqual({ key: "A", set: { n: 2 } });
    await publish(feed, { key: "A", set: { n: 3 } });
    await subscriber.reaches(4);
  });
});
