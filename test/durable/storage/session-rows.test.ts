import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { FeedStore } from "../../../src/durable/storage/feed-store.ts";
import type { KnownPublishes } from "../../../src/feed/state/known-publishes.ts";
import { FEED_LIMITS, LIMITS } from "../../../src/protocol/limits.ts";
import { formatSessionKey } from "../../../src/protocol/session-key.ts";
import { newFeed } from "../../support/api.ts";
import { runs } from "../../support/runs.ts";

const NOW = 1_700_000_000_000;
const publisher = { digest: "d", credential: "c", principal: "p" };
const keyOf = (session: string, number: number): string =>
  formatSessionKey({ session: session.padEnd(22, "-"), number });

/** A feed that is published to by sessions, with one short update each time. */
class Published {
  readonly #sql: SqlStorage;
  store: FeedStore;
  #feed!: ReturnType<FeedStore["load"]>["feed"];
  known!: KnownPublishes;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.store = new FeedStore(sql, FEED_LIMITS);
    this.restart();
  }

  restart(now = NOW): void {
    this.store = new FeedStore(this.#sql, FEED_LIMITS);
    ({ feed: this.#feed, known: this.known } = this.store.load(now, "epoch"));
  }

  look(key: string, now = NOW): ReturnType<KnownPublishes["look"]> {
    return this.known.look({ key, ...publisher }, [`{"key":"k","set":{"of":"${key}"}}`], now);
  }

  publish(keys: readonly string[], now = NOW): void {
    const records = [];
    const remembered = [];
    for (const key of keys) {
      const known = this.look(key, now);
      const acceptance = this.#feed.accept([`{"key":"k","set":{"of":"${key}"}}`], now);
      if (known.kind !== "new" || !acceptance.ok || !acceptance.record) throw new Error(`${key}: ${known.kind}`);
      records.push(acceptance.record);
      remembered.push(this.known.remember(known.publish, now, acceptance.receipt));
    }
    this.store.append(this.#feed, records, remembered);
    this.known.single.written(remembered);
  }

  checkpoint(now = NOW): void {
    do this.store.step(this.#feed, now, () => {});
    while (this.store.hasWork);
  }

  /** One step of a checkpoint. Returns whether there are more. */
  step(): boolean {
    this.store.step(this.#feed, NOW, () => {});
    return this.store.hasWork;
  }

  rows(): Record<string, number> {
    const tables = ["journal", "publishes", "sessions"];
    const live = " WHERE generation >= (SELECT receipts_from FROM feed)";
    return Object.fromEntries(
      tables.map((table) => {
        const [row] = this.#sql.exec<{ n: number }>(
          `SELECT count(*) AS n FROM ${table}${table === "journal" ? live : ""}`,
        );
        return [table, row?.n ?? -1];
      }),
    );
  }
}

function withStorage(act: (published: Published, sql: SqlStorage) => void): Promise<void> {
  return runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage: { sql } }) => act(new Published(sql), sql));
}

test("[IDEM8] thousands of publishes of one session leave no more rows, and no more memory, than 100", () =>
  withStorage((published) => {
    const publish = (from: number, to: number): void => {
      for (let n = from; n <= to; n += 500) {
        published.publish(Array.from({ length: Math.min(500, to - n + 1) }, (_, i) => keyOf("s", n + i)));
      }
    };
    publish(1, 100);
    published.checkpoint();
    const [rows, bytes] = [published.rows(), published.known.sessions.bytes];
    expect(rows).toEqual({ journal: 0, publishes: 1, sessions: 1 });
    const last = runs(5_000);
    publish(101, last);
    published.checkpoint();
    expect([published.rows(), published.known.sessions.bytes]).toEqual([rows, bytes]);
    expect(published.known.single.size, "the first number").toBe(1);
    published.restart();
    expect(published.look(keyOf("s", last))).toMatchObject({ kind: "repeat", receipt: { seq: last } });
    expect(published.look(keyOf("s", last + 1)).kind).toBe("new");
  }));

test("[IDEM4] single publishes among those of sessions are remembered, and stay in few rows", () =>
  withStorage((published) => {
    const keys = Array.from({ length: 1_000 }, (_, i) =>
      i % 10 === 0 ? `single-${i}` : keyOf("s", i - Math.floor(i / 10)),
    );
    for (let i = 0; i < keys.length; i += 100) published.publish(keys.slice(i, i + 100));
    published.checkpoint();
    expect(published.rows()["publishes"]).toBeLessThan(3);
    const single = keys.filter((key) => key.startsWith("single"));
    for (const key of single) expect(published.look(key), key).toMatchObject({ kind: "repeat" });
    published.restart();
    expect(published.known.single.size).toBe(single.length + 1);
    for (const key of single) expect(published.look(key), key).toMatchObject({ kind: "repeat" });
  }));

test("[IDEM7] a session is known for ten minutes after its last publish, and then leaves nothing behind", () =>
  withStorage((published) => {
    published.publish([keyOf("s", 1), keyOf("s", 2)]);
    published.checkpoint();
    const end = NOW + LIMITS.idempotencyWindow;
    published.restart(end - 1);
    expect(published.look(keyOf("s", 3), end - 1).kind).toBe("new");
    expect(published.look(keyOf("s", 3), end)).toMatchObject({ code: "unknown_session" });
    published.publish(["another"], end);
    published.checkpoint(end);
    expect(published.rows()).toMatchObject({ sessions: 0 });
    expect(published.known.sessions.bytes).toBe(0);
  }));

test("[IDEM6] what the version before has accepted of a session, as keys of their own, is known, and goes on", () =>
  withStorage((published, sql) => {
    published.publish([keyOf("s", 1), keyOf("s", 2), keyOf("s", 3), keyOf("s", 4)]);
    // As that version writes them: without the hash of the updates.
    const [row] = sql.exec<{ receipts: string }>("SELECT receipts FROM journal");
    sql.exec("UPDATE journal SET receipts = ?", row!.receipts.replaceAll(/,\d+\]/g, "]"));
    published.restart();
    expect(published.known.sessions.size).toBe(0);
    expect(published.look(keyOf("s", 3))).toMatchObject({ kind: "repeat", receipt: { seq: 3 } });
    expect(published.look(keyOf("s", 6))).toMatchObject({ code: "out_of_order" });
    expect(published.look(keyOf("another", 2))).toMatchObject({ code: "unknown_session" });
    published.publish([keyOf("s", 5)]);
    published.restart();
    for (const n of [4, 5])
      expect(published.look(keyOf("s", n))).toMatchObject({ kind: "repeat", receipt: { seq: n } });
    expect(published.look(keyOf("s", 7))).toMatchObject({ code: "out_of_order" });
    expect(published.look(keyOf("s", 6)).kind).toBe("new");
  }));

test("[IDEM7] [I1] [I9] sessions that need several rows are all known, whenever a crash comes between two of them", () =>
  withStorage((published) => {
    const owners = Array.from({ length: 500 }, (_, i) => ({
      principal: "p",
      credential: "c",
      id: `many${i}`.padEnd(22, "-"),
    }));
    const useAll = (from: number): void => {
      for (const owner of owners) {
        for (let n = from; n < from + 64; n++) {
          const receipt = { epoch: "epoch", seq: n, accepted: 1, stale: 0 };
          published.known.sessions.accept(owner, n, { content: 2 ** 52 + n, receipt }, NOW);
        }
      }
    };
    published.publish([keyOf("s", 1)]);
    useAll(1);
    published.checkpoint();
    const { sessions } = published.rows();
    expect(sessions).toBeGreaterThan(1);
    expect(sessions).toBeLessThan(5);
    for (let steps = 1, isOver = false; !isOver; steps++) {
      published.publish([keyOf("s", 1 + steps)]);
      published.step();
      for (let i = 1; i < steps && !isOver; i++) isOver = !published.step();
      published.restart();
      for (const { id } of owners)
        expect(published.known.sessions.look("p", { session: id, number: 66 }, 0, NOW).kind).toBe("gap");
      expect(published.look(keyOf("s", 1 + steps)).kind).toBe("repeat");
    }
    while (published.step());
    expect(published.rows()["sessions"]).toBe(sessions);
  }));

test("[IDEM4] what is published after a restart is remembered beyond a checkpoint, if all before it has expired", () =>
  withStorage((published) => {
    published.publish(["a", "b", "c"]);
    published.checkpoint();
    const later = NOW + LIMITS.idempotencyWindow;
    published.restart(later);
    published.publish(["d"], later);
    published.checkpoint(later);
    expect(published.look("d", later)).toMatchObject({ kind: "repeat" });
  }));
