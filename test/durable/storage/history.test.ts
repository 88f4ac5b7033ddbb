import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { FeedStore } from "../../../src/durable/storage/feed-store.ts";
import type { HistoryPage } from "../../../src/durable/storage/stored-log.ts";
import { DELETED_ROWS, HISTORY_ROW_LENGTH } from "../../../src/durable/storage/schema.ts";
import { readRecord } from "../../../src/feed/state/record.ts";
import { FEED_LIMITS, LIMITS, SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";
import { newFeed } from "../../support/api.ts";

test("[READ9] [I9] a page of history is bounded in characters, and the pages together are the whole of it", async () => {
  await runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage }) => {
    const store = new FeedStore(storage.sql, FEED_LIMITS);
    const { feed } = store.load(0, "epoch");
    for (let n = 0; n < 12; n++) {
      const texts = Array.from({ length: 15 }, (_, i) => `{"key":"K","set":{"i":${i},"t":"${"x".repeat(60_000)}"}}`);
      const { seq } = feed;
      feed.accept(texts, 0);
      store.append(feed, [readRecord(seq, 0, texts)], []);
      while (store.hasWork) store.step(feed, 0, () => {});
    }
    const seqs: number[] = [];
    for (let before = feed.seq + 1; ;) {
      const { page, held } = pageOf(store, before);
      const length = page.updates.reduce((sum, { line }) => sum + line.length, 0);
      expect(length).toBeLessThanOrEqual(SERVER_LIMITS.historyPageLength + LIMITS.valueBytes + 1_000);
      expect(held, "reported as held in between").toBeLessThanOrEqual(length);
      seqs.unshift(...page.updates.map(({ seq }) => seq));
      if (!page.more) break;
      expect(length, "no shorter than need be").toBeGreaterThan(SERVER_LIMITS.historyPageLength - LIMITS.valueBytes);
      before = page.updates[0]?.seq ?? 0;
    }
    expect(seqs).toEqual(Array.from({ length: 180 }, (_, i) => i + 1));
  });
});

test("[MERGE7] [I9] the log keeps as much as its limit says, a few rows less at most, and the newest of it", async () => {
  await runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage }) => {
    const history = 4 * 1024 * 1024;
    const store = new FeedStore(storage.sql, { ...FEED_LIMITS, history });
    const { feed } = store.load(0, "epoch");
    for (let n = 0; n < 150; n++) {
      const text = `{"key":"K","set":{"n":${n},"t":"${"x".repeat(60_000)}"}}`;
      feed.accept([text], 0);
      store.append(feed, [readRecord(n, 0, [text])], []);
      while (store.hasWork) store.step(feed, 0, () => {});
    }
    const kept = storage.sql.exec<{ length: number }>("SELECT sum(length) AS length FROM history").one().length;
    expect(kept).toBeLessThanOrEqual(history);
    expect(kept).toBeGreaterThan(history - (DELETED_ROWS + 1) * HISTORY_ROW_LENGTH);
    expect(store.read(0, EVERYTHING)).toBeUndefined();
    expect(store.read(100, EVERYTHING)?.records[0]).toMatchObject({ from: 100, seq: 101 });
  });
});

function pageOf(store: FeedStore, before: number): { page: HistoryPage; held: number } {
  const steps = store.history("K", 1_000, before);
  let held = 0;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return { page: step.value, held };
    held = Math.max(held, step.value);
  }
}
