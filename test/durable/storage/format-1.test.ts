import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { FeedStore } from "../../../src/durable/storage/feed-store.ts";
import { FEED_LIMITS, LIMITS } from "../../../src/protocol/limits.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";
import { newFeed } from "../../support/api.ts";

const NOW = 1_700_000_000_000;
const KNOWN = { credential: "c", principal: "p" };
/** The tables of format 1, and a feed in them whose journal holds what came after its first checkpoint. */
const FORMAT_1 = [
  `CREATE TABLE feed (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER NOT NULL, epoch TEXT NOT NULL,
   generation INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, forgotten INTEGER NOT NULL)`,
  `CREATE TABLE journal (slot INTEGER PRIMARY KEY, generation INTEGER NOT NULL, seq INTEGER NOT NULL,
   length INTEGER NOT NULL, receipts TEXT NOT NULL, records TEXT NOT NULL)`,
  "CREATE TABLE checkpoint (chunk INTEGER PRIMARY KEY, entries TEXT NOT NULL)",
  `CREATE TABLE history (seq INTEGER PRIMARY KEY, start INTEGER NOT NULL, length INTEGER NOT NULL, records TEXT NOT NULL)`,
  "CREATE TABLE receipts (id INTEGER PRIMARY KEY, expires INTEGER NOT NULL, receipts TEXT NOT NULL)",
  "INSERT INTO feed VALUES (1, 1, 'abcdefghij', 3, 2, 1000, 0)",
  `INSERT INTO checkpoint VALUES (0, '1\t\t\t\t"A"\t{"n":1}\n2\t\t5\t\t"B"\t{"n":2}')`,
  `INSERT INTO history VALUES (2, 0, 60, '0 900\n{"key":"A","set":{"n":1}}\n1 1000\n{"key":"B","set":{"n":2},"version":5}')`,
  `INSERT INTO receipts VALUES (1, ${NOW + 1000}, '["old","d",${NOW + 1000 - LIMITS.idempotencyWindow},"abcdefghij",1,1,0]')`,
  `INSERT INTO journal VALUES (0, 3, 3, 60, '["new","d",${NOW},"abcdefghij",3,1,0]', '2 1100\n{"key":"A","patch":{"m":1}}')`,
  `INSERT INTO journal VALUES (1, 3, 4, 60, '', '3 1200\n{"key":"B","delete":true}')`,
  `INSERT INTO journal VALUES (2, 2, 2, 60, '', '1 1000\n{"key":"dead","set":{}}')`,
];

test("[STO6] [I8] a feed that was stored in format 1 opens, goes on and remembers its publishes", async () => {
  await runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage: { sql } }) => {
    for (const statement of FORMAT_1) sql.exec(statement);
    for (let round = 0; round < 3; round++) {
      const store = new FeedStore(sql, FEED_LIMITS);
      const { feed, known } = store.load(NOW + round, "unused");
      expect(feed.position).toEqual({ epoch: "abcdefghij", seq: 4 + round });
      expect(feed.entries.get("A")?.text).toBe(`{"n":1,"m":${round + 1}}`);
      expect(feed.entries.recall("B")).toMatchObject({ live: false, version: 5, seq: 4 });
      expect(feed.entries.size).toBe(1);
      const all = store.read(2, EVERYTHING)?.records.flatMap(({ updates }) => updates);
      expect(all?.slice(0, 2)).toEqual(['{"key":"A","patch":{"m":1}}', '{"key":"B","delete":true}']);
      const pages = [...whole(store.history("A", 10, 100))];
      expect(pages.slice(0, 2)).toEqual([1, 3]);
      for (const key of ["old", "new"]) {
        expect(known.single.find({ key, digest: "d", content: 0, ...KNOWN }, NOW)?.kind, key).toBe("repeat");
        expect(known.single.find({ key, digest: "e", content: 0, ...KNOWN }, NOW)?.kind, key).toBe("mismatch");
      }
      const admission = feed.accept([`{"key":"A","patch":{"m":${round + 2}}}`], 1300);
      if (!admission.ok || !admission.record) throw new Error("refused");
      const own = { key: `own${round}`, digest: "d", content: 0, ...KNOWN, at: NOW, receipt: admission.receipt };
      store.append(feed, [admission.record], [known.single.remember(own)]);
      if (round === 1) {
        // As if the journal were long enough.
        do store.step(feed, NOW, () => {});
        while (store.hasWork);
        expect(
          sql.exec("SELECT count(*) AS n FROM journal WHERE generation >= (SELECT generation FROM feed)").one()["n"],
        ).toBe(0);
      }
    }
    const { known } = new FeedStore(sql, FEED_LIMITS).load(NOW, "");
    for (let round = 0; round < 3; round++) {
      expect(known.single.find({ key: `own${round}`, digest: "d", content: 0, ...KNOWN }, NOW)?.kind).toBe("repeat");
    }
    sql.exec("UPDATE feed SET format = 3");
    expect(() => new FeedStore(sql, FEED_LIMITS).load(NOW, "")).toThrow("format 3");
  });
});

/** The seqs of a page of history. */
function whole(steps: ReturnType<FeedStore["history"]>): number[] {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value.updates.map(({ seq }) => seq);
  }
}
