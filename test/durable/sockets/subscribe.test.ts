import { describe, expect, test } from "vitest";
import { ADMIN_KEY, newFeed, publish, request, snapshot } from "../../support/api.ts";
import { TestSubscriber } from "../../support/subscriber.ts";
import { MEMORIES } from "../evictions.ts";

describe.each(MEMORIES)("subscribing %s", (_, between) => {
  test("[SUB4] [SUB7] brings hello, then a snapshot, then updates that go on from it", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "AAPL", set: { price: 191.2 } });
    await between(feed);
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(1);
    const { time } = await snapshot(feed);
    expect(time).toBeGreaterThan(Date.now() - 60_000);
    expect(subscriber.messages).toEqual([
      { type: "hello", protocol: "tickertape.v1", feed, epoch, seq: 1, time },
      { type: "snapshot", epoch, seq: 1, time, reason: "initial", entries: { AAPL: { price: 191.2 } } },
    ]);
    await between(feed);
    await publish(feed, { key: "AAPL", patch: { price: 191.3 }, time: 1732096000123, version: 7 });
    await subscriber.reaches(2);
    expect(subscriber.messages[2]).toMatchObject({
      type: "update",
      from: 1,
      seq: 2,
      updates: [{ key: "AAPL", patch: { price: 191.3 }, time: 1732096000123, version: 7 }],
    });
    expect(subscriber.messages[2]!.time).toBeGreaterThan(Date.now() - 60_000);
    await between(feed);
    await publish(feed, { key: "AAPL", delete: true });
    await subscriber.reaches(3);
    expect(subscriber.state()).toEqual({});
  });

  test("[MERGE5] [MERGE7] with mode=all brings every missed update, in order", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { n: 0 } });
    const first = await (await TestSubscriber.connect(feed, "?mode=all")).reaches(1);
    first.close();
    const missed = Array.from({ length: 20 }, (_, i) => ({ key: i % 2 ? "A" : "B", patch: { n: i } }));
    for (const update of missed) await publish(feed, update);
    await between(feed);
    const second = await TestSubscriber.connect(feed, `?mode=all&since=${first.since}`, {}, first.view);
    await second.reaches(21);
    expect(second.view.updates).toEqual(missed);
  });

  test("[SUB2] with the present position brings an empty update, also on a feed that was never published to", async () => {
    const feed = newFeed();
    const first = await (await TestSubscriber.connect(feed)).reaches(0);
    await between(feed);
    const second = await TestSubscriber.connect(feed, `?since=${first.since}`);
    second.view.position = { ...first.position! };
    expect(await second.message("update")).toMatchObject({ from: 0, seq: 0, updates: [] });
    await between(feed);
    await publish(feed, { key: "A", set: { p: 1 } });
    await Promise.all([first.reaches(1), second.reaches(1)]);
    expect(second.state()).toEqual({ A: { p: 1 } });
  });

  test("[SUB3] with a position that the feed cannot resume from brings a snapshot and the reason", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    await between(feed);
    for (const [since, reason] of [
      ["another:1", "epoch_changed"],
      [`${epoch}:9`, "position_ahead"],
    ]) {
      const subscriber = await TestSubscriber.connect(feed, `?since=${since}`);
      expect(await subscriber.message("snapshot")).toMatchObject({ reason, seq: 1, entries: { A: { p: 1 } } });
    }
  });

  test("[SEL1] again over the socket replaces the selection, and brings the entries that were not selected before", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: { p: 1 } },
      { key: "B", set: { p: 2 } },
      { key: "tech.X", set: { p: 3 } },
    ]);
    const subscriber = await (await TestSubscriber.connect(feed, "?keys=A,B")).reaches(3);
    await between(feed);
    subscriber.send({ type: "subscribe", id: 1, keys: ["B", "tech.*"], hz: 20, mode: "latest" });
    await subscriber.message("snapshot", 1);
    expect(subscriber.messages.at(-1)).toMatchObject({ reason: "subscribe", entries: { "tech.X": { p: 3 } } });
    expect(subscriber.state()).toEqual({ B: { p: 2 }, "tech.X": { p: 3 } });
    await between(feed);
    await publish(feed, [
      { key: "A", set: { p: 9 } },
      { key: "tech.X", patch: { p: 4 } },
    ]);
    await subscriber.reaches(5);
    expect(subscriber.state()).toEqual({ B: { p: 2 }, "tech.X": { p: 4 } });
  });

  test("brings an empty view after a reset, under a new epoch", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(1);
    await between(feed);
    const response = await request(`/v1/feeds/${feed}`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    });
    const reset: { epoch: string } = await response.json();
    expect(reset).toEqual({ feed, epoch: expect.not.stringMatching(epoch), seq: 0 });
    await subscriber.until(({ messages }) => messages.at(-1)?.reason === "reset");
    expect(subscriber.state()).toEqual({});
    await between(feed);
    await publish(feed, { key: "B", set: { p: 2 } });
    await subscriber.until(({ view }) => view.entries.has("B"));
    expect(subscriber.position).toEqual({ epoch: reset.epoch, seq: 1 });
    const old = await TestSubscriber.connect(feed, `?since=${epoch}:1`);
    expect(await old.message("snapshot")).toMatchObject({ reason: "epoch_changed", entries: { B: { p: 2 } } });
  });
});

test("[SEL2] a subscribe message ends the window that hz opened, and what waited comes first", async () => {
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
