import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Feed } from "../../src/feed/state/feed.ts";
import { seqAfter, type LogRecord } from "../../src/feed/state/record.ts";
import { encodeRecord } from "../../src/feed/state/record-lines.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import type { Update } from "../../src/protocol/update.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { FeedRestore } from "../../src/replication/follower.ts";
import { SharedStates, type StateReader } from "../../src/replication/shared-states.ts";
import { encodeState } from "../../src/replication/state-lines.ts";
import { runs } from "../support/runs.ts";
import { batch, contentOf } from "./feeds.ts";

/** A part has one or two entries of these tests. */
const PART = 40;
const POLICY = { join: 100, kept: 400, stall: 1_000, walks: 2 };

/** A leader whose state is read. */
class Leader {
  now = 0;
  readonly feed = Feed.begin("e0");
  readonly states: SharedStates;
  /** Parts of all walks together. */
  encoded = 0;
  begun = 0;
  ended = 0;
  /** The records of each epoch. */
  #log: LogRecord[] = [];
  readonly #epochs = [this.#log];
  /** Every state that there was, by position. */
  readonly #history = new Map<string, string>();

  constructor(walks = POLICY.walks) {
    this.states = new SharedStates({ ...POLICY, walks });
    this.#remember();
  }

  publish(updates: Update[]): void {
    const decoded = finishSteps(decodeUpdatesInSteps(updates));
    if (!decoded.ok) throw new Error("a bad update");
    const accepted = this.feed.accept(decoded.updates, this.now);
    if (!accepted.ok) throw new Error(accepted.code);
    if (accepted.record) this.#log.push(accepted.record);
    this.#remember();
  }

  reset(): void {
    this.feed.reset(`e${this.#epochs.length}`);
    this.#epochs.push((this.#log = []));
    this.#remember();
  }

  #remember(): void {
    this.#history.set(`${this.feed.epoch}:${this.feed.seq}`, contentOf(this.feed));
  }

  *#walk(): Generator<string> {
    this.begun++;
    try {
      for (const part of encodeState(this.feed, () => {}, PART)) {
        this.encoded++;
        yield part;
      }
    } finally {
      this.ended++;
    }
  }

  read(): Replica {
    return new Replica(
      this,
      this.states.read(this.feed.epoch, () => this.#walk(), this.now),
    );
  }

  recordsAfter({ epoch, seq }: Feed["position"] = { epoch: "e0", seq: 0 }): LogRecord[] {
    const log = this.#epochs[Number(epoch.slice(1))] ?? [];
    return log.filter(({ from }) => from >= seq);
  }

  /** Whether this is what the feed was at its position. */
  expectToHaveBeen(feed: Feed): void {
    expect(contentOf(feed)).toBe(this.#history.get(`${feed.epoch}:${feed.seq}`));
  }
}

/** One that asked for the state, and begins with it. */
class Replica {
  readonly #leader: Leader;
  readonly #reader: StateReader;
  readonly #asked: Feed["position"];
  readonly #restore: FeedRestore;
  readonly #decoder = new TextDecoder();
  parts = 0;
  /** Where its feed began. */
  seq: number | undefined;
  /** Why it was cut off. */
  failure: string | undefined;
  isDone = false;

  constructor(leader: Leader, reader: StateReader) {
    this.#leader = leader;
    this.#reader = reader;
    this.#asked = leader.feed.position;
    this.#restore = new FeedRestore(FEED_LIMITS, this.#asked.seq);
  }

  get isReading(): boolean {
    return !this.isDone && this.failure === undefined;
  }

  take(): void {
    if (!this.isReading) return;
    let part: Uint8Array | undefined;
    try {
      part = this.#reader.next(this.#leader.now);
    } catch (error) {
      this.failure = String(error);
      return;
    }
    if (part) {
      this.parts++;
      this.#restore.push(this.#decoder.decode(part));
    } else this.#begin();
  }

  leave(): void {
    this.#reader.end();
    this.isDone = true;
  }

  /** Takes the records since the state began, until it is whole: it then serves. */
  #begin(): void {
    this.isDone = true;
    expect(this.#restore.hasState).toBe(true);
    for (const record of this.#leader.recordsAfter(this.#restore.position)) {
      if (this.#restore.whole) break;
      const push = {
        epoch: this.#asked.epoch,
        from: record.from,
        seq: seqAfter(record),
        records: encodeRecord(record),
      };
      expect(this.#restore.apply(push)).toBe(true);
    }
    const { whole } = this.#restore;
    if (!whole) throw new Error("not whole after all that there was");
    this.seq = whole.seq;
    expect(this.seq).toBeGreaterThanOrEqual(this.#asked.seq);
    this.#leader.expectToHaveBeen(whole);
  }
}

/** A leader whose feed has so many keys: 40 are more than is kept of a state. */
function fullLeader(keys = 40, walks?: number): Leader {
  const leader = new Leader(walks);
  for (let i = 0; i < keys; i++) leader.publish([{ key: `k${i}`, set: { n: i } }]);
  return leader;
}

const which = fc.nat();
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("publish" as const), batch }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("ask" as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("take" as const), which, parts: fc.nat({ max: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("all take" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1, 60, 200, 200, 900) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "reset" as const }) },
);

describe("whole states that many replicas read", () => {
  test("[REP1] are the feed as it was once, whoever reads along, falls behind or leaves, while it goes on and is reset", () => {
    const met = { done: 0, joined: 0, refused: 0, cut: 0, reset: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(3, 40),
        fc.constantFrom(1, 2),
        fc.array(step, { minLength: 30, maxLength: 80 }),
        (...drawn) => {
          const [keys, walks, steps] = drawn;
          const leader = fullLeader(keys, walks);
          let replicas: Replica[] = [];
          for (const step of steps) {
            const chosen = "which" in step ? replicas[step.which % replicas.length] : undefined;
            if (step.do === "publish") leader.publish(step.batch);
            else if (step.do === "reset") leader.reset();
            else if (step.do === "advance") {
              leader.now += step.ms;
              leader.states.tend(leader.now);
            } else if (step.do === "leave") chosen?.leave();
            else if (step.do === "take") for (let i = 0; i < step.parts; i++) chosen?.take();
            else if (step.do === "all take") for (const replica of replicas) replica.take();
            else {
              for (let i = 0; i < step.count; i++) {
                const before = leader.begun;
                try {
                  replicas.push(leader.read());
                  if (leader.begun === before) met.joined++;
                } catch {
                  met.refused++;
                }
              }
            }
            expect(leader.states.kept).toBeLessThanOrEqual(POLICY.kept * walks);
            for (const { failure } of replicas) {
              if (failure === undefined) continue;
              if (failure.includes("reset")) met.reset++;
              else met.cut++;
            }
            met.done += replicas.filter(({ isDone }) => isDone).length;
            replicas = replicas.filter(({ isReading }) => isReading);
          }
          // Those who are left read on; nothing is held for anyone then.
          while (replicas.some(({ isReading }) => isReading)) for (const replica of replicas) replica.take();
          leader.now += POLICY.join + 1;
          expect(leader.states.tend(leader.now)).toBe(false);
          expect(leader.states.kept).toBe(0);
          expect(leader.ended).toBe(leader.begun);
        },
      ),
      { numRuns: runs(100) },
    );
    for (const [what, count] of Object.entries(met)) expect(count, what).toBeGreaterThan(0);
  });

  test("are encoded once for 30 that ask in one moment while the feed changes", () => {
    const leader = fullLeader();
    const replicas: Replica[] = [];
    for (let i = 0; i < 30; i++) {
      replicas.push(leader.read());
      leader.now += 3;
      leader.publish([{ key: `k${i}`, set: { n: "new" } }]);
      // The first of them have begun before the last ask.
      if (i % 5 === 0) replicas[0]?.take();
    }
    while (replicas.some(({ isReading }) => isReading)) for (const replica of replicas) replica.take();
    expect(replicas.map(({ failure }) => failure)).toEqual(replicas.map(() => undefined));
    expect(leader.begun).toBe(1);
    expect(new Set([leader.encoded, ...replicas.map(({ parts }) => parts)])).toEqual(new Set([leader.encoded]));
  });

  test("[REP3] have all that was committed when one asked, though they were read before for another", () => {
    const leader = fullLeader(3);
    const first = leader.read();
    while (first.isReading) first.take();
    leader.publish([{ key: "k1", set: { n: "new" } }]);
    const second = leader.read();
    while (second.isReading) second.take();
    expect(leader.begun).toBe(1);
    expect([first, second].map(({ seq }) => seq)).toEqual([3, 4]);
  });

  test("are not held up by one that takes nothing, and no more than a little is kept for it", () => {
    const leader = fullLeader();
    const stuck = leader.read();
    const [first, second] = [leader.read(), leader.read()];
    stuck.take();
    while (first.isReading || second.isReading) {
      first.take();
      second.take();
      expect(leader.states.kept).toBeLessThanOrEqual(POLICY.kept);
    }
    expect([first.failure, second.failure]).toEqual([undefined, undefined]);
    stuck.take();
    expect(stuck.failure).toContain("faster");
    // It asks again, and has all.
    const again = leader.read();
    while (again.isReading) again.take();
    expect(again.failure).toBeUndefined();
    expect(leader.begun).toBe(2);
  });

  test("are kept no longer than somebody may want them", () => {
    const leader = fullLeader();
    const replicas = [leader.read(), leader.read()];
    for (let i = 0; i < 4; i++) for (const replica of replicas) replica.take();
    expect(leader.states.kept).toBeGreaterThan(0);
    leader.now += POLICY.join + 1;
    for (const replica of replicas) replica.take();
    expect(leader.states.kept).toBe(0);
  });

  test("are let go of if the only one that reads takes no more", () => {
    const leader = fullLeader();
    const stuck = leader.read();
    stuck.take();
    leader.now += POLICY.stall + 1;
    expect(leader.states.tend(leader.now)).toBe(false);
    expect([leader.states.kept, leader.ended]).toEqual([0, 1]);
    stuck.take();
    expect(stuck.failure).toContain("not read on");
  });
});
