import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { FeedObject } from "../../src/durable/feed-object.ts";
import { Following } from "../../src/durable/replica/following.ts";
import type { FeedStats } from "../../src/durable/directory/rpc.ts";
import { ADMIN_KEY, bearer, newFeed, post, publish, PUBLISH_KEY, request, snapshot } from "../support/api.ts";
import { TestSubscriber, upgrade, type Message } from "../support/subscriber.ts";
import { busyReplicas, cutLinks, remove, spread } from "./spread.ts";

const SESSION = `~session/${"r".repeat(22)}/`;

afterEach(() => void vi.restoreAllMocks());

/** What a socket gets after `hello`, until it is at `seq`. */
async function received(feed: string, query: string, seq: number): Promise<Message[]> {
  const socket = (await upgrade(feed, query)).webSocket!;
  const messages: Message[] = [];
  const all = new Promise<void>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.type === "hello") return;
      messages.push(message);
      if (message.seq === seq) resolve();
    });
  });
  socket.accept();
  await all;
  socket.close();
  return messages;
}

describe("a feed with replicas", () => {
  test("[REP1] shows every subscriber the same, whichever object serves it", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    for (let n = 2; n <= 20; n++)
      await publish(feed, [
        { key: "A", set: { n } },
        { key: "B", patch: { n } },
      ]);
    for (const subscriber of subscribers) {
      await subscriber.reaches(39);
      expect(subscriber.state()).toEqual({ A: { n: 20 }, B: { n: 20 } });
    }
  });

  test("[REP2] counts the subscribers of all objects in its stats, and names the replicas", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    await vi.waitFor(async () => {
      const stats = await (await request(`/v1/feeds/${feed}/stats`)).json<FeedStats>();
      expect(stats.subscribers).toBe(subscribers.length);
      expect(stats.replicas.map(({ name, region, seq }) => `${name} ${region} ${seq}`).toSorted()).toEqual(
        [0, 1, 2].map((index) => `${feed}/wnam/${index} wnam 1`),
      );
    }, 10_000);
  });

  test("[REP2] tells in its stats and metrics of a replica that does not answer, and how far it is behind", async () => {
    const feed = newFeed();
    await spread(feed);
    cutLinks();
    await publish(feed, [
      { key: "A", set: { n: 2 } },
      { key: "A", set: { n: 3 } },
    ]);
    const metrics = await vi.waitFor(async () => {
      const { replicas } = await (await request(`/v1/feeds/${feed}/stats`)).json<FeedStats>();
      for (const { seq, unreachableSince } of replicas) {
        expect(seq).toBe(1);
        expect(Math.abs(Date.now() - (unreachableSince ?? 0))).toBeLessThan(20_000);
      }
      const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
      return (await (await request("/metrics", { headers })).text()).split("\n");
    }, 10_000);
    for (const index of [0, 1, 2]) {
      const labels = `feed="${feed}",replica="${feed}/wnam/${index}",region="wnam"`;
      expect(metrics).toContain(`tickertape_replica_behind{${labels}} 2`);
      expect(metrics).toContain(`tickertape_replica_reachable{${labels}} 0`);
    }
  });

  test("[REP2] counts the subscribers of a replica that sleeps", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    for (const { name } of await busyReplicas(feed)) await evictDurableObject(env.FEED_REPLICAS.getByName(name));
    await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await env.FEEDS.getByName(feed).stats()).toMatchObject({ subscribers: subscribers.length });
  });

  test("[REP3] never goes back: a replica that is behind a client asks before it answers", async () => {
    const feed = newFeed();
    await spread(feed);
    cutLinks();
    const { epoch, seq } = await publish(feed, { key: "A", set: { n: 2 } });
    for (let i = 0; i < 6; i++) {
      const query = `?since=${epoch}:${seq}`;
      const answer = await (await request(`/v1/feeds/${feed}${query}`)).json<{ type: string; from: number }>();
      expect(answer).toMatchObject({ type: "update", from: seq });
      const tag = { "If-None-Match": `"${epoch}:${seq}"` };
      expect((await request(`/v1/feeds/${feed}`, { headers: tag })).status).toBe(304);
      expect(await received(feed, query, seq)).toMatchObject([{ type: "update", from: seq, updates: [] }]);
    }
  });

  test("[REP3] shows in each plain GET what was acknowledged before", async () => {
    const feed = newFeed();
    await spread(feed);
    cutLinks();
    for (let n = 2; n < 8; n++) {
      await publish(feed, { key: "A", set: { n } });
      expect(await snapshot(feed)).toMatchObject({ seq: n, entries: { A: { n } } });
    }
  });

  test("[REP3] shows nothing older in a plain GET if replicas cannot ask, and what it has to those who name a position", async () => {
    const feed = newFeed();
    await spread(feed);
    cutLinks();
    vi.spyOn(FeedObject.prototype, "follow").mockImplementation(() => {
      throw new Error("the leader is down");
    });
    const { epoch } = await publish(feed, { key: "A", set: { n: 2 } });
    const read = vi.spyOn(FeedObject.prototype, "read");
    expect(await snapshot(feed)).toMatchObject({ seq: 2, entries: { A: { n: 2 } } });
    expect(read).toHaveBeenCalledOnce();
    const answer = await request(`/v1/feeds/${feed}?since=${epoch}:1`);
    expect(await answer.json()).toMatchObject({ type: "update", from: 1, seq: 1 });
    read.mockRejectedValue(new Error("the leader is down"));
    const refused = await request(`/v1/feeds/${feed}`);
    expect([refused.status, refused.headers.has("Retry-After")]).toEqual([503, true]);
  });

  test("[REP3] shows what was acknowledged before to each that subscribes, whatever it has seen elsewhere", async () => {
    const feed = newFeed();
    await spread(feed);
    cutLinks();
    for (let n = 2; n < 8; n++) {
      await publish(feed, { key: "A", set: { n } });
      const { view } = await (await TestSubscriber.connect(feed)).reaches(n);
      expect(view.messages.filter(({ type }) => type === "snapshot")).toMatchObject([{ seq: n }]);
    }
  });

  test("[REP3] a position that no object has reached is ahead, at a replica too", async () => {
    const feed = newFeed();
    await spread(feed);
    const { epoch } = await publish(feed, { key: "A", set: { n: 2 } });
    for (const [since, reason] of [
      [`${epoch}:99`, "position_ahead"],
      ["other:1", "epoch_changed"],
    ]) {
      const answer = await (await request(`/v1/feeds/${feed}?since=${since}`)).json();
      expect(answer).toMatchObject({ type: "snapshot", reason });
    }
  });

  test("[REP4] tells the subscribers of replicas of a reset, and closes them if it is removed", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    await remove(feed);
    await publish(feed, { key: "B", set: { n: 1 } });
    for (const subscriber of subscribers) {
      await vi.waitFor(() => expect(subscriber.state()).toEqual({ B: { n: 1 } }));
      expect(subscriber.messages.map(({ reason }) => reason)).toContain("reset");
    }
    await remove(feed, "?forget=true");
    for (const subscriber of subscribers) await vi.waitFor(() => expect(subscriber.closed?.code).toBe(4404));
  });

  test("[REP5] takes publishes at replicas, in the order of all others, with a receipt", async () => {
    const feed = newFeed();
    await spread(feed);
    const headers = { Authorization: `Bearer ${PUBLISH_KEY}` };
    for (let i = 0; i < 6; i++) {
      const publisher = await TestSubscriber.connect(feed, "", headers);
      publisher.send({ type: "publish", id: i, updates: [{ key: "A", patch: { [`by${i}`]: true } }] });
      expect(await publisher.message("receipt", i)).toMatchObject({ seq: 2 + i, accepted: 1, stale: 0 });
      publisher.send({ type: "publish", id: 100, updates: [{ key: "A", patch: { deep: "x".repeat(70_000) } }] });
      expect(await publisher.message("error", 100)).toMatchObject({ code: "invalid_update" });
      publisher.close();
    }
  });

  test("[IDEM6] [IDEM9] finds a repeat whichever object it comes to, and keeps the order of a session", async () => {
    const feed = newFeed();
    await spread(feed);
    for (let n = 1; n <= 6; n++) {
      const publisher = await TestSubscriber.connect(feed, "", bearer(PUBLISH_KEY));
      const publish = (id: number, number: number): void =>
        publisher.send({
          type: "publish",
          id,
          updates: [{ key: "A", set: { number } }],
          idempotencyKey: `${SESSION}${number}`,
        });
      publish(1, n + 1);
      publish(2, n);
      publish(3, n);
      publish(4, Math.max(1, n - 1));
      expect(await publisher.message("error", 1)).toMatchObject({ code: n === 1 ? "unknown_session" : "out_of_order" });
      const first = await publisher.message("receipt", 2);
      expect(first).not.toHaveProperty("replayed");
      expect(await publisher.message("receipt", 3)).toEqual({ ...first, id: 3, replayed: true });
      expect(await publisher.message("receipt", 4)).toMatchObject({ replayed: true });
      const again = await post(feed, { key: "A", set: { number: n } }, { "Idempotency-Key": `${SESSION}${n}` });
      expect(await again.json()).toMatchObject({ seq: first.seq });
      expect(again.headers.get("Idempotency-Replayed")).toBe("true");
      publisher.close();
    }
  });

  test("[REP6] serves what it has while the leader cannot reach it, and has all once it can", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    cutLinks();
    await publish(feed, { key: "A", set: { n: 2 } });
    const late = await (await TestSubscriber.connect(feed)).reaches(1);
    vi.restoreAllMocks();
    await publish(feed, { key: "A", set: { n: 3 } });
    for (const subscriber of [...subscribers, late]) await subscriber.reaches(3);
  });

  test("[REP6] closes those that ask for another selection while it has nothing and the leader cannot be reached", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    vi.spyOn(Following.prototype, "reach").mockRejectedValue(new Error("the leader is down"));
    for (const subscriber of subscribers) subscriber.send({ type: "subscribe", id: 1, keys: ["A"] });
    await vi.waitFor(() => expect(subscribers.filter(({ closed }) => closed?.code === 4503)).not.toEqual([]));
  });

  test("[REP9] every update comes to those of mode=all, also from before a replica began", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { n: 1 } });
    for (let n = 2; n <= 30; n++) await publish(feed, { key: "A", set: { n } });
    for (let i = 0; i < 5; i++) {
      const messages = await received(feed, `?mode=all&since=${epoch}:3`, 30);
      expect(messages[0]).toMatchObject({ type: "update", from: 3 });
      const updates = messages.flatMap((message) => message.updates ?? []);
      expect(updates).toEqual(Array.from({ length: 27 }, (_, k) => ({ key: "A", set: { n: k + 4 } })));
    }
  });

  test("[REP9] [I7] what replicas read of the log at once, the leader reads by turns with publishes", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { n: 1 } });
    await publish(feed, { key: "A", set: { n: 2 } });
    let answered = 0;
    const leader = env.FEEDS.getByName(feed);
    // Very many, as a publish takes tens of turns of the event loop itself, in which as many are read.
    const reads = Array.from({ length: 400 }, async (_, n) => {
      const piece = await leader.readLog(epoch, 1, `${feed}/wnam/${n}`);
      answered++;
      return piece?.seq;
    });
    const reading = Promise.all(reads);
    await publish(feed, { key: "A", set: { n: 3 } });
    const answeredBefore = answered;
    for (const seq of await reading) expect(seq).toBeGreaterThanOrEqual(2);
    expect(answeredBefore).toBeLessThan(300);
  });
});
