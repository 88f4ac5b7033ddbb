import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { FairQueue } from "../../src/limits/fair-queue.ts";
import { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { PUBLISH_QUEUE_LIMITS } from "../../src/durable/requests/publish-queue.ts";
import { Reads, type ReadOutcome } from "../../src/durable/requests/reads.ts";
import { Budget, SHARE_BYTES } from "../../src/feed/fanout/budget.ts";
import { readRecord } from "../../src/feed/state/record.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { newFeed } from "../support/api.ts";
import { FeedFixture } from "../feed/fixture.ts";
import { RecordingSubscriber } from "../feed/recording-subscriber.ts";
import { anonymous } from "../support/callers.ts";

const MIB = 1024 * 1024;

/** A budget whose shared part is taken. */
function usedUp(by: "publishes" | "answers"): { budget: Budget; giveBack: () => void } {
  const budget = new Budget();
  const taken = SHARE_BYTES[by] + SHARE_BYTES.pool;
  budget[by].take(taken);
  return { budget, giveBack: () => budget[by].give(taken) };
}

/** A fixture whose log holds so many updates of some 60 KB each. */
function fixtureWithLog(budget: Budget, updates: number): FeedFixture {
  const fixture = new FeedFixture({}, { stepWork: 1 }, budget);
  for (let i = 0; i < updates; i++) fixture.publish({ key: `k${i}`, set: { text: "x".repeat(60_000) } });
  return fixture;
}

function readLog(reads: Reads, fixture: FeedFixture, from: string): Promise<ReadOutcome | undefined> {
  const since = { epoch: "e1", seq: 1 };
  return reads.read(fixture, { selection: "*", mode: "all", since, known: [], caller: anonymous(from) });
}

function countOf(outcome: ReadOutcome | undefined): number | undefined {
  return typeof outcome?.body === "string" ? JSON.parse(outcome.body).updates?.length : undefined;
}

describe("[MEM1] [I9] when the shared budget is used up", () => {
  test("one batch waits, others are refused, and its room is given back", async () => {
    const { budget, giveBack } = usedUp("answers");
    const { publishes } = budget;
    const queue = new FairQueue(
      PUBLISH_QUEUE_LIMITS,
      () => new Promise((resolve) => setTimeout(resolve, 0)),
      () => 0,
      publishes,
      { isOwed: () => false, tookIn: () => {} },
    );
    const first = queue.run("a", 2_500_000, () => "done");
    expect(queue.run("b", 2_500_000, () => "done")).toBe("overloaded");
    expect(await first).toBe("done");
    expect(await queue.run("b", 2_500_000, () => "done")).toBe("done");
    giveBack();
    expect(budget.left).toBe(SHARE_BYTES.pool);
  });

  test("reads of the log go on one after the other", async () => {
    const { budget, giveBack } = usedUp("publishes");
    const fixture = fixtureWithLog(budget, 12);
    const reads = new Reads("feed", budget);
    const asked = ["a", "b", "c", "d"].map((from) => readLog(reads, fixture, from));
    fixture.advance(5_000);
    expect((await Promise.all(asked)).map(countOf)).toEqual([11, 11, 11, 11]);
    giveBack();
    expect(budget.left).toBe(SHARE_BYTES.pool);
  });

  test("a read of the log that finds more than there is room for gets a snapshot", async () => {
    const { budget, giveBack } = usedUp("publishes");
    const fixture = fixtureWithLog(budget, 40);
    const reads = new Reads("feed", budget);
    const asked = readLog(reads, fixture, "a");
    fixture.advance(5_000);
    const outcome = await asked;
    const body = new Response(outcome?.body as ReadableStream);
    expect(JSON.parse(await body.text())).toMatchObject({ type: "snapshot", reason: "position_expired" });
    giveBack();
    const again = readLog(reads, fixture, "a");
    fixture.advance(5_000);
    expect(countOf(await again), "and all of it where there is room").toBe(39);
    expect(budget.left).toBe(SHARE_BYTES.pool);
  });

  test("pages of history are made one after the other, and are shorter", async () => {
    await runInDurableObject(env.FEEDS.getByName(newFeed()), async (_, { storage }) => {
      const store = new FeedStore(storage.sql, FEED_LIMITS);
      const { feed } = store.load(0, "epoch");
      for (let n = 0; n < 20; n++) {
        const texts = Array.from({ length: 4 }, (_, i) => `{"key":"K","set":{"i":${i},"t":"${"ж".repeat(30_000)}"}}`);
        const { seq } = feed;
        feed.accept(texts, 0);
        store.append(feed, [readRecord(seq, 0, texts)], []);
      }
      const { budget, giveBack } = usedUp("publishes");
      const fixture = new FeedFixture({}, {}, budget);
      const reads = new Reads("feed", budget);
      const page = (account: string, before: number) =>
        reads.history(
          fixture,
          account,
          store.history("K", 1_000, before, () => budget.history.room),
        );
      const seqs: number[] = [];
      for (let before = feed.seq + 1; before > 1;) {
        const asked = ["a", "b", "c"].map((account) => page(account, before));
        fixture.advance(5_000);
        const pages = await Promise.all(asked);
        for (const { updates = [], more } of pages.map((page) => ({ updates: page?.updates, more: page?.more }))) {
          expect(updates.length).toBeGreaterThan(5);
          expect(updates.reduce((sum, { line }) => sum + 2 * line.length, 0)).toBeLessThanOrEqual(SHARE_BYTES.history);
          expect(more).toBe((updates[0]?.seq ?? 0) > 1);
        }
        const updates = pages[0]?.updates ?? [];
        seqs.unshift(...updates.map(({ seq }) => seq));
        before = updates[0]?.seq ?? 0;
      }
      expect(seqs).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
      giveBack();
      expect(budget.left).toBe(SHARE_BYTES.pool);
    });
  });

  test("one long answer is written, and the others wait for room for their parts", async () => {
    const { budget, giveBack } = usedUp("publishes");
    const fixture = new FeedFixture({}, {}, budget);
    const text = "€".repeat(20_000);
    for (let i = 0; i < 20; i++) fixture.publish({ key: `k${i}`, set: { text } });
    const reads = new Reads("feed", budget);
    const bodies = await Promise.all(
      ["a", "b", "c"].map(async (from) => {
        const asked = { selection: "*", mode: "latest", since: undefined, known: [], caller: anonymous(from) } as const;
        const outcome = await reads.read(fixture, asked);
        const body = outcome?.body as ReadableStream<Uint8Array>;
        return body.getReader();
      }),
    );
    // The part before the entries.
    for (const body of bodies) await body.read();
    await vi.waitFor(() => expect(budget.answers.room).toBeLessThan(SHARE_BYTES.answers / 2));
    await bodies[2]?.cancel();
    const lengths = bodies.slice(0, 2).map(async (body) => {
      let length = 0;
      for (;;) {
        const { value, done } = await body.read();
        if (done) return length;
        length += value.length;
      }
    });
    for (const length of await Promise.all(lengths)) expect(length).toBeGreaterThan(20 * 60_000);
    await vi.waitFor(() => expect(fixture.broadcast.snapshots.inUse.size).toBe(0));
    giveBack();
    expect(budget.left).toBe(SHARE_BYTES.pool);
    expect(budget.answers.room).toBe(SHARE_BYTES.pool + SHARE_BYTES.answers);
  });

  test("short reads are answered", async () => {
    const { budget } = usedUp("publishes");
    const fixture = new FeedFixture({}, {}, budget);
    fixture.publish({ key: "k", set: {} });
    const asked = { selection: "k", mode: "latest", since: undefined, known: [], caller: anonymous("a") } as const;
    expect(await new Reads("feed", budget).read(fixture, asked)).toBeDefined();
  });

  test("updates that wait for groups are dropped beyond their own share, and read again", () => {
    const { budget, giveBack } = usedUp("publishes");
    const fixture = new FeedFixture({}, {}, budget);
    const slow = (["latest", "all"] as const).map((mode) => new RecordingSubscriber([], mode, 0.1));
    for (const subscriber of slow) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: {} });
    for (let i = 0; i < 50; i++) fixture.publish({ key: `k${i}`, set: { text: "x".repeat(10_000) } });
    for (const { subscriber } of slow) expect(subscriber!.group!.pending.bytes).toBeLessThan(MIB);
    fixture.advance(20_000);
    for (const subscriber of slow) expect(subscriber.view.state()).toEqual(fixture.entries());
    expect(slow[1]!.view.updates).toHaveLength(51);
    giveBack();
    expect(budget.left).toBe(SHARE_BYTES.pool);
  });
});
