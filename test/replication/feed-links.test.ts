import { afterEach, expect, test, vi } from "vitest";
import { FeedLinks } from "../../src/durable/links/feed-links.ts";
import { encodePushAnswer, type Replica } from "../../src/durable/links/rpc.ts";
import type { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { packRecords } from "../../src/feed/state/record-lines.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { Entries } from "../../src/feed/state/entries.ts";
import { seqAfter, type LogRecord } from "../../src/feed/state/record.ts";
import { DEFAULT_POLICY } from "../../src/durable/serving/policy.ts";
import { RemoteLog } from "../../src/durable/replica/remote-log.ts";
import type { Push } from "../../src/replication/links.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { subscriptionOf } from "../feed/recording-subscriber.ts";
import { memoryStorage } from "../support/memory-storage.ts";

/** A leader without an object: its replicas do what `deliver` says. */
class Leader {
  readonly feed = Feed.begin("e1");
  readonly log: LogRecord[] = [];
  /** Whether replicas leave as soon as they are told something. */
  leaves = false;
  deliver: Replica["deliver"] = async ({ epoch, seq }) =>
    encodePushAnswer({ epoch, seq, subscribers: 0, lagging: 0, ...(this.leaves ? { leaves: true } : {}) });
  /** The first time, it opens the feed. */
  onCommitted: () => void = () => {};
  /** When the alarm is to go off. */
  alarms: number[] = [];
  readonly links: FeedLinks;
  readonly kept: Map<string, unknown>;

  /** `kept`: what a leader before it has stored, which has lost its memory. */
  constructor(kept = new Map<string, unknown>(), hasReplicas = true) {
    this.kept = kept;
    const lines = (after: number): ReturnType<FeedStore["lines"]> => {
      const [pack] = packRecords(
        this.log.filter((record) => seqAfter(record) > after),
        Infinity,
      );
      return pack && { lines: pack.text, seq: pack.seq };
    };
    this.links = new FeedLinks(
      {
        stored: memoryStorage(kept),
        committed: () => {
          this.onCommitted();
          return { feed: this.feed };
        },
        // oxlint-disable-next-line no-unsafe-type-assertion -- as much of it as links use
        store: () => ({ lines }) as unknown as FeedStore,
        // oxlint-disable-next-line no-unsafe-type-assertion -- the same
        replica: () =>
          ({
            deliver: (push: Push) => this.deliver(push),
            forget: () => new Promise(() => {}),
          }) as unknown as DurableObjectStub<Replica>,
        steady: () => performance.now(),
        hasReplicas,
        complain: () => {},
        reported: () => {},
        wakeBy: (at) => void this.alarms.push(at),
      },
      DEFAULT_POLICY.links,
    );
  }

  publish(key = "A"): void {
    const decoded = finishSteps(decodeUpdatesInSteps([{ key, set: { n: this.feed.seq } }]));
    const acceptance = decoded.ok ? this.feed.accept(decoded.updates, 0) : undefined;
    if (!acceptance?.ok || !acceptance.record) throw new Error("not accepted");
    this.log.push(acceptance.record);
    this.links.committed(this.feed, [acceptance.record]);
  }
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("[REP8] a leader whose replicas have all has nothing to see to after it has slept", async () => {
  vi.useFakeTimers();
  const leader = new Leader();
  leader.links.follow("f/wnam/0", undefined);
  leader.publish();
  await vi.advanceTimersByTimeAsync(3_000);
  leader.publish();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(leader.kept.get("followers due")).toBeDefined();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(leader.kept.get("followers due")).toBeUndefined();
  leader.publish();
  expect(leader.kept.get("followers due")).toBeDefined();
});

test("[REP8] a leader whose last replica has left has nothing to see to", async () => {
  const leader = new Leader();
  leader.links.follow("f/wnam/0", undefined);
  leader.leaves = true;
  leader.publish();
  expect(leader.kept.get("followers due")).toBeDefined();
  await vi.waitFor(() => expect(leader.links.names).toEqual([]));
  expect(leader.kept.get("followers due")).toBeUndefined();
});

test("[REP9] a replica gets each record that was committed while there were no replicas", async () => {
  const leader = new Leader();
  const log = async (): Promise<(number | undefined)[]> => {
    const remote = new RemoteLog(
      leader.feed.seq,
      async (after) => leader.links.readLog("e1", after),
      () => 0,
    );
    const { selection } = subscriptionOf([]);
    await vi.waitFor(() => expect(remote.read(1, selection)).not.toBe("later"));
    const piece = remote.read(1, selection);
    return typeof piece === "object" ? piece.records.map(({ seq }) => seq) : [];
  };
  leader.publish();
  leader.links.follow("f/wnam/0", undefined);
  leader.publish();
  leader.publish();
  leader.leaves = true;
  await vi.waitFor(() => {
    leader.publish();
    expect(leader.links.names).toEqual([]);
  });
  leader.publish();
  leader.leaves = false;
  leader.links.follow("f/wnam/0", undefined);
  leader.publish();
  expect(await log()).toEqual(Array.from({ length: leader.feed.seq - 1 }, (_, i) => i + 2));
});

test("[FEED2] a replica that does not answer does not hold up the removal of the feed", async () => {
  vi.useFakeTimers();
  const leader = new Leader();
  leader.links.follow("f/wnam/0", undefined);
  let isOver = false;
  void leader.links.forget().then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(isOver).toBe(true);
});

test("[REP6] thirty replicas that come back in one moment cost the leader one walk through its feed", async () => {
  const leader = new Leader();
  for (let n = 0; n < 3_000; n++) leader.publish(`${"k".repeat(100)}${n}`);
  const walks = vi.spyOn(Entries.prototype, "walk");
  const states = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => {
      const answer = leader.links.follow(`f/wnam/${i}`, undefined);
      // The feed goes on meanwhile.
      leader.publish();
      return answer.kind === "state" ? new Response(answer.lines).text() : "";
    }),
  );
  expect(walks).toHaveBeenCalledOnce();
  expect(states[0]?.length).toBeGreaterThan(300_000);
  expect(new Set(states).size).toBe(1);
});

test("[REP6] a push that is never answered is repeated", async () => {
  vi.useFakeTimers();
  const leader = new Leader();
  leader.links.follow("f/wnam/0", undefined);
  leader.deliver = vi.fn<Replica["deliver"]>(() => new Promise(() => {}));
  leader.publish();
  await vi.advanceTimersByTimeAsync(59_000);
  leader.links.onAlarm(Date.now());
  await vi.advanceTimersByTimeAsync(2_000);
  expect(leader.deliver).toHaveBeenCalledTimes(1);
  leader.links.onAlarm(Date.now() + 60_000);
  await vi.advanceTimersByTimeAsync(200);
  expect(leader.deliver).toHaveBeenCalledTimes(2);
});

const unreachable = (): Promise<never> => Promise.reject(new Error("the link is cut"));

test("[REP8] a replica that cannot be reached for long wakes the leader ever less often", async () => {
  vi.useFakeTimers();
  const first = new Leader();
  first.links.follow("f/wnam/0", undefined);
  first.deliver = unreachable;
  first.publish();
  const waits: number[] = [];
  let due = first.alarms.at(-1) ?? 0;
  for (let i = 0; i < 12; i++) {
    first.links.end();
    waits.push(due - Date.now());
    vi.setSystemTime(due);
    const { kept } = first;
    const next = new Leader(kept);
    next.deliver = unreachable;
    next.onCommitted = () => next.links.open(next.feed);
    next.links.onAlarm(due);
    await vi.advanceTimersByTimeAsync(0);
    due = next.alarms.at(-1) ?? 0;
    next.links.end();
  }
  expect(waits.slice(0, 4)).toEqual([15_000, 30_000, 60_000, 120_000]);
  expect(waits.at(-1)).toBe(3_600_000);
});

test("[REP8] a deployment without replicas forgets those of the one before", () => {
  vi.useFakeTimers();
  const before = new Leader();
  before.links.follow("f/wnam/0", undefined);
  before.publish();
  before.links.end();
  const leader = new Leader(before.kept, false);
  leader.deliver = vi.fn<Replica["deliver"]>();
  leader.links.open(leader.feed);
  leader.publish();
  expect([leader.links.names, leader.kept.size, leader.alarms]).toEqual([[], 0, []]);
  expect(leader.deliver).not.toHaveBeenCalled();
});
