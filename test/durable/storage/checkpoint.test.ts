import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FeedStore } from "../../../src/durable/storage/feed-store.ts";
import { Feed } from "../../../src/feed/state/feed.ts";
import type { RememberedPublish } from "../../../src/feed/state/idempotency.ts";
import { REMEMBERED_NUMBERS } from "../../../src/feed/state/publisher-session.ts";
import type { KnownPublishes } from "../../../src/feed/state/known-publishes.ts";
import { seqAfter, type LogRecord } from "../../../src/feed/state/record.ts";
import { FEED_LIMITS } from "../../../src/protocol/limits.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";
import { newFeed } from "../../support/api.ts";
import { runs } from "../../support/runs.ts";
import { oldestFirst } from "../../support/entries.ts";

const SESSIONS = ["A", "B"].map((letter) => `~session/${letter.repeat(22)}/`);

/** A feed in an object's storage that loses its memory when the test says so, beside one that never does. */
class Pair {
  readonly sql: SqlStorage;
  readonly limits = FEED_LIMITS;
  store: FeedStore;
  feed: Feed;
  known: KnownPublishes;
  readonly records: LogRecord[] = [];
  /** Some with keys of their own, the others in two sessions. */
  readonly published: { key: string; texts: string[]; seq: number }[] = [];
  now = 1_700_000_000_000;
  epoch = "e0";
  #waiting: LogRecord[] = [];
  #remembered: RememberedPublish[] = [];

  constructor(sql: SqlStorage) {
    this.sql = sql;
    for (const { name } of sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray()) {
      if (!name.startsWith("_cf_")) sql.exec(`DROP TABLE ${name}`);
    }
    this.store = new FeedStore(sql, this.limits);
    ({ feed: this.feed, known: this.known } = this.store.load(this.now, this.epoch));
  }

  /** Accepts, but does not write yet. */
  accept(...texts: string[]): void {
    const acceptance = this.feed.accept(texts, this.now);
    if (!acceptance.ok || !acceptance.record) throw new Error("not admitted");
    this.records.push(acceptance.record);
    this.#waiting.push(acceptance.record);
    const of = this.published.length % 3;
    const key = of === 0 ? `publish-${this.published.length}` : this.keyOf(SESSIONS[of - 1]!, 1);
    this.published.push({ key, texts, seq: this.feed.seq });
    const known = this.look(key, texts);
    if (known.kind !== "new") throw new Error(`${key} is not new`);
    this.#remembered.push(this.known.remember(known.publish, this.now, acceptance.receipt));
  }

  isOld(session: string, key: string): boolean {
    const last = Number(this.keyOf(session, 0).slice(session.length));
    const number = Number(key.slice(session.length));
    return number > 1 && number <= last - REMEMBERED_NUMBERS;
  }

  look(key: string, updates: string[] = []): ReturnType<KnownPublishes["look"]> {
    return this.known.look({ key, digest: "d", credential: "c", principal: "p" }, updates, this.now);
  }

  /** The key of a session's next publish, or of one after it. */
  keyOf(session: string, ahead: number): string {
    return `${session}${this.published.filter(({ key }) => key.startsWith(session)).length + ahead}`;
  }

  write(): void {
    if (this.#waiting.length === 0) return;
    this.store.append(this.feed, this.#waiting, this.#remembered);
    this.known.single.written(this.#remembered);
    this.#waiting = [];
    this.#remembered = [];
  }

  step(): void {
    if (this.store.hasWork) this.store.step(this.feed, this.now, () => this.write());
  }

  /** Loses what was not written yet, and nothing else. */
  crash(): void {
    this.records.splice(this.records.length - this.#waiting.length);
    this.published.splice(this.published.length - this.#waiting.length);
    this.#waiting = [];
    this.#remembered = [];
    const model = Feed.begin(this.epoch);
    for (const record of this.records) model.apply([record]);
    this.store = new FeedStore(this.sql, this.limits);
    ({ feed: this.feed, known: this.known } = this.store.load(this.now, this.epoch));
    expect(stateOf(this.feed)).toEqual(stateOf(model));
  }

  reset(): void {
    this.write();
    this.epoch = `${this.epoch}'`;
    this.feed.reset(this.epoch);
    this.store.reset(this.feed);
    this.records.length = 0;
  }

  /** Checks that the log, the history and the remembered publishes are what was published. */
  check(): void {
    this.write();
    const from = this.records.length > 3 ? (this.records[this.records.length >> 1]?.from ?? 0) : 0;
    const read: string[] = [];
    let seq = from;
    for (let piece = this.store.read(seq, EVERYTHING); ; piece = this.store.read(seq, EVERYTHING)) {
      expect(piece).toBeDefined();
      if (!piece) break;
      for (const record of piece.records) {
        expect(record.from).toBe(seq);
        seq = record.seq;
        read.push(...record.updates);
      }
      expect(piece.seq).toBe(seq);
      if (piece.isEnd) break;
    }
    const wanted = this.records.filter((record) => seqAfter(record) > from).flatMap(({ updates }) => updates);
    expect(read).toEqual(wanted.map(({ text }) => text));
    for (const key of ["k0", "rare"]) {
      const steps = this.store.history(key, 1000, this.feed.seq + 1);
      let result = steps.next();
      while (result.done !== true) result = steps.next();
      const own = this.records.flatMap(({ updates }) => updates).filter(({ update }) => update.key === key);
      expect(
        result.value.updates.map((found) => [found.seq, found.line]),
        key,
      ).toEqual(own.slice(-1000).map((accepted) => [accepted.seq, accepted.text]));
    }
    for (const { key, texts, seq } of this.published) {
      const isOld = SESSIONS.some((session) => key.startsWith(session) && this.isOld(session, key));
      const wanted = isOld ? { code: "idempotency_mismatch" } : { kind: "repeat", receipt: { seq } };
      expect(this.look(key, texts), key).toMatchObject(wanted);
    }
    for (const session of SESSIONS) {
      expect(this.look(this.keyOf(session, 1)).kind).toBe("new");
      expect(this.look(this.keyOf(session, 2)).kind).toBe("refused");
    }
  }
}

function stateOf({ position, time, entries }: Feed): unknown {
  const all = oldestFirst(entries).map(({ key, seq, text, version }) => ({ key, seq, text, version }));
  return { position, time, all };
}

function withPair(act: (pair: Pair, sql: SqlStorage) => void): Promise<void> {
  return runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage }) =>
    act(new Pair(storage.sql), storage.sql),
  );
}

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      keys: fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 8 }),
      length: fc.constantFrom(5, 500, 30_000),
      kind: fc.constantFrom("set", "patch", "delete", "guarded"),
      write: fc.boolean(),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("step" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("reset" as const, "check" as const) }) },
);

describe("[STO2] [I1] a checkpoint in steps", () => {
  test("loses nothing, doubles nothing and shows no part, whatever is published, reset or lost in between", async () => {
    await runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage }) => {
      fc.assert(
        fc.property(fc.array(action, { minLength: 10, maxLength: 120, size: "max" }), (actions) => {
          const pair = new Pair(storage.sql);
          let version = 0;
          for (const step of actions) {
            pair.now += 10;
            if (step.do === "publish") {
              const texts = step.keys.map((k) => {
                const value = `{"n":${version++},"m${version % 5}":"${"x".repeat(step.length)}"}`;
                if (step.kind === "delete") return `{"key":"k${k}","delete":true}`;
                if (step.kind === "guarded") return `{"key":"k${k}","set":{},"version":${version}}`;
                if (step.kind === "patch" && step.length > 500) return `{"key":"k${k}","patch":{"n":${version}}}`;
                return `{"key":"k${k}","${step.kind}":${value}}`;
              });
              pair.accept(...texts);
              if (step.write) pair.write();
            } else if (step.do === "step") pair.step();
            else if (step.do === "crash") pair.crash();
            else if (step.do === "reset") pair.reset();
            else pair.check();
          }
          pair.crash();
          pair.check();
          while (pair.store.hasWork) pair.step();
          pair.crash();
          pair.check();
        }),
        { numRuns: runs(25) },
      );
    });
  });
});

test("[STO2] [I1] a crash after any step of a checkpoint loses nothing and doubles nothing, and the next one ends what it began", () =>
  withPair((_, sql) => {
    const text = "x".repeat(20_000);
    const change = (pair: Pair, n: number): void => {
      for (let i = 0; i < 20; i++) pair.accept(`{"key":"k${i}","set":{"n":${n},"t":"${text}"}}`);
      pair.write();
    };
    let steps = 0;
    for (let isOver = false; !isOver; steps++) {
      const pair = new Pair(sql);
      change(pair, 0);
      while (pair.store.hasWork) pair.step();
      change(pair, 1);
      pair.accept('{"key":"k0","patch":{"unwritten":true}}');
      for (let i = 0; i < steps && pair.store.hasWork; i++) pair.step();
      isOver = !pair.store.hasWork;
      pair.crash();
      pair.check();
      while (pair.store.hasWork) pair.step();
      pair.crash();
      pair.check();
    }
    expect(steps).toBeGreaterThan(3);
  }));

describe("[STO3] [I8] every accepted batch is written", () => {
  test("no row is longer than the platform takes, with three bytes a character", () =>
    withPair((pair, sql) => {
      const text = "\u20ac".repeat(21_000);
      for (let round = 0; round < 3; round++) {
        // Batches of the largest size, with many receipts.
        for (let i = 0; i < 4; i++) {
          pair.accept(...Array.from({ length: 19 }, (_, k) => `{"key":"k${k + 20 * i}","set":{"t":"${text}"}}`));
          for (let j = 0; j < 150; j++) pair.accept(`{"key":"${"\u20ac".repeat(128)}","patch":{"n":${j}}}`);
        }
        pair.write();
        while (pair.store.hasWork) pair.step();
        expect(longestRow(sql)).toBeLessThan(2_000_000);
      }
      pair.crash();
      pair.check();
    }));
});

/** Bytes of the longest row in any table. */
function longestRow(sql: SqlStorage): number {
  let longest = 0;
  for (const { name } of sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray()) {
    if (name.startsWith("_cf_")) continue;
    const columns = sql.exec<{ name: string }>(`SELECT name FROM pragma_table_info('${name}')`).toArray();
    const sum = columns.map((column) => `length(CAST(${column.name} AS BLOB))`).join(" + ");
    const [row] = sql.exec<{ bytes: number | null }>(`SELECT max(${sum}) AS bytes FROM ${name}`).toArray();
    longest = Math.max(longest, row?.bytes ?? 0);
  }
  return longest;
}
