import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRecord } from "../../src/feed/state/record-lines.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { seqAfter, type LogRecord } from "../../src/feed/state/record.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import type { Update } from "../../src/protocol/update.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { FeedRestore, missingRecords } from "../../src/replication/follower.ts";
import { Links, type LinkReport, type Push } from "../../src/replication/links.ts";
import { RecentRecords } from "../../src/replication/recent-records.ts";
import { encodeState } from "../../src/replication/state-lines.ts";
import { runs } from "../support/runs.ts";
import { batch, contentOf } from "./feeds.ts";

const NAMES = ["a", "b", "c"];
/** Characters of records that the leader keeps for its links. */
const KEPT = 400;
const POLICY = { window: 20, slice: 2, retry: [100, 1000], silence: 60_000, patience: 3000 } as const;

/** A leader with its links, and replicas behind a network that is slow, loses calls and answers, and repeats old ones. */
class Network {
  now = 0;
  readonly leader = Feed.begin("e0");
  #recent = new RecentRecords(KEPT, 0);
  /** All records of the epoch, less what the history has let go. */
  log: LogRecord[] = [];
  #epochs = 0;
  readonly links = new Links(
    { epoch: () => this.leader.epoch, recent: () => this.#recent },
    { push: (name, push) => this.calls.push({ name, push }) },
    POLICY,
  );
  /** Pushes on their way. */
  calls: { name: string; push: Push }[] = [];
  /** Answers on their way. */
  answers: { name: string; report: LinkReport }[] = [];
  readonly replicas = new Map<string, Feed>();
  /** Every state that the leader ever committed, by position. */
  readonly history = new Map<string, string>();
  pulls = { records: 0, states: 0 };
  longest = 0;

  constructor() {
    for (const name of NAMES) {
      this.links.add(name);
      this.replicas.set(name, Feed.begin("e0"));
    }
    this.#remember();
  }

  publish(updates: Update[]): void {
    const decoded = finishSteps(decodeUpdatesInSteps(updates));
    if (!decoded.ok) throw new Error("a bad update");
    this.#commit(this.leader.expire(this.now));
    const accepted = this.leader.accept(decoded.updates, this.now);
    if (!accepted.ok) throw new Error(accepted.code);
    this.#commit(accepted.record);
  }

  #commit(record: LogRecord | undefined): void {
    if (!record) return;
    this.log.push(record);
    this.#recent.add([record]);
    this.links.wake();
    this.#remember();
  }

  reset(): void {
    this.leader.reset(`e${++this.#epochs}`);
    this.log = [];
    this.#recent = new RecentRecords(KEPT, 0);
    this.links.wake();
    this.#remember();
  }

  #remember(): void {
    const { epoch, seq } = this.leader;
    this.history.set(`${epoch}:${seq}`, contentOf(this.leader));
  }

  /** The replica asks for what it lacks, while the leader goes on. */
  pull(name: string, meanwhile: Update[][]): void {
    let feed = this.replica(name);
    for (let tries = 0; ; tries++) {
      if (tries > 50) throw new Error("a pull has no end");
      const push = this.#recordsAfter(feed);
      const records = push && missingRecords(feed, push);
      if (records) {
        this.pulls.records++;
        if (records.length === 0) break;
        feed.apply(records);
        continue;
      }
      this.pulls.states++;
      feed = this.#pullState(meanwhile);
    }
    this.replicas.set(name, feed);
    this.check(name);
  }

  /** Up to two records after a feed's position, as the leader's store has them. */
  #recordsAfter(feed: Feed): Push | undefined {
    const { epoch, seq } = this.leader;
    const from = feed.seq;
    if (feed.epoch !== epoch) return undefined;
    const records = this.log.filter((record) => seqAfter(record) > from).slice(0, 2);
    if (records.length === 0 && from < seq) return undefined;
    const last = records.at(-1);
    return { epoch, from, seq: last ? seqAfter(last) : from, records: records.map(encodeRecord).join("\n") };
  }

  #pullState(meanwhile: Update[][]): Feed {
    const restore = new FeedRestore(FEED_LIMITS);
    for (const part of encodeState(this.leader, () => {})) {
      const cut = part.length >> 1;
      for (const piece of [part.slice(0, cut), part.slice(cut)]) restore.push(piece);
      const updates = meanwhile.shift();
      if (updates) this.publish(updates);
    }
    while (!restore.whole) {
      const { position } = restore;
      if (!position) throw new Error("a state without a position");
      const push = this.#recordsAfter(new Feed({ ...position, time: 0, forgotten: 0 }));
      // The history let go of what came meanwhile: ask for a state again.
      if (!push || push.seq === position.seq || !restore.apply(push)) return this.#pullState([]);
    }
    return restore.whole;
  }

  /** A call arrives: what is missing is applied, or asked for. */
  deliver({ name, push }: { name: string; push: Push }, meanwhile: Update[][]): LinkReport {
    const feed = this.replica(name);
    const records = missingRecords(feed, push);
    if (records) feed.apply(records);
    else this.pull(name, meanwhile);
    this.check(name);
    return { ...this.replica(name).position, subscribers: 0, lagging: 0 };
  }

  replica(name: string): Feed {
    const feed = this.replicas.get(name);
    if (!feed) throw new Error(`no replica ${name}`);
    return feed;
  }

  check(name: string): void {
    const { epoch, seq } = this.replica(name);
    expect(contentOf(this.replica(name))).toBe(this.history.get(`${epoch}:${seq}`));
  }

  step(): number | undefined {
    const next = this.links.step(this.now);
    this.longest = Math.max(this.longest, ...this.calls.map(({ push }) => push.records.length));
    return next;
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("publish" as const), batch }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("arrive" as const), which: fc.nat(), meanwhile: fc.array(batch) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1, 20, 200, 5000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose answer" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("repeat" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.constant({ do: "trim" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "reset" as const }) },
);

describe("links", () => {
  test("whatever the network does, replicas only ever have states that the leader had, and end with its last one", () => {
    const met = { records: 0, states: 0, failures: 0, repeats: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const network = new Network();
        const old: { name: string; push: Push }[] = [];
        for (const step of steps) {
          if (step.do === "publish") network.publish(step.batch);
          else if (step.do === "advance") network.now += step.ms;
          else if (step.do === "reset") network.reset();
          else if (step.do === "trim") network.log.splice(0, network.log.length >> 1);
          else if (step.do === "restart") {
            // Its memory is lost, and what it had stored may be old, or of another epoch: it asks before it serves.
            const name = NAMES[step.which % NAMES.length] ?? "";
            network.replicas.set(name, Feed.begin("e0"));
            network.pull(name, []);
          } else if (step.do === "answer" || step.do === "lose answer") {
            const [answer] = network.answers.splice(step.which % (network.answers.length || 1), 1);
            if (!answer) continue;
            if (step.do === "answer") network.links.answered(answer.name, answer.report);
            else network.links.failed(answer.name, network.now);
          } else if (step.do === "repeat") {
            // A call of a leader that is gone: nothing waits for its answer.
            const call = old[step.which % (old.length || 1)];
            if (!call) continue;
            network.deliver(call, []);
            met.repeats++;
          } else {
            const [call] = network.calls.splice(step.which % (network.calls.length || 1), 1);
            if (!call) continue;
            old.push(call);
            if (step.do === "lose") {
              network.links.failed(call.name, network.now);
              met.failures++;
            } else network.answers.push({ name: call.name, report: network.deliver(call, step.meanwhile) });
          }
          network.step();
        }
        // The network heals.
        for (let turns = 0; network.links.isBehind || network.calls.length + network.answers.length > 0; turns++) {
          expect(turns).toBeLessThan(500);
          network.links.wake();
          const next = network.step();
          for (const call of network.calls.splice(0)) {
            network.answers.push({ name: call.name, report: network.deliver(call, []) });
          }
          for (const { name, report } of network.answers.splice(0)) network.links.answered(name, report);
          if (next !== undefined) network.now = Math.max(network.now, next);
        }
        for (const name of NAMES) expect(contentOf(network.replica(name))).toBe(contentOf(network.leader));
        expect(network.step()).toBe(undefined);
        // However slow a link is, what is sent over it at once is no more than is kept, and line breaks.
        expect(network.longest).toBeLessThan(KEPT * 1.1);
        met.records += network.pulls.records;
        met.states += network.pulls.states;
      }),
      { numRuns: runs(300) },
    );
    for (const [what, count] of Object.entries(met)) expect(count, what).toBeGreaterThan(0);
  });

  test("[REP6] a push that fails is repeated, ever more seldom; after a minute, only with the next update", () => {
    const recent = new RecentRecords(400, 1);
    const pushes: number[] = [];
    let now = 0;
    const links = new Links({ epoch: () => "e1", recent: () => recent }, { push: () => void pushes.push(now) });
    links.add("f/weur/0");
    const pass = (until: number): void => {
      for (let next = links.step(now); next !== undefined && next <= until; next = links.step(now)) {
        now = next;
        links.step(now);
        links.failed("f/weur/0", now);
      }
      now = until;
    };
    links.step(now);
    links.failed("f/weur/0", now);
    pass(3_600_000);
    const seconds = pushes.map((at) => at / 1000);
    expect(seconds).toEqual([0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7, 22.7, 32.7, 42.7, 52.7, 62.7]);
    links.wake();
    links.step(now);
    expect(pushes.at(-1)).toBe(now);
  });
});
