import { afterEach, expect, test, vi } from "vitest";
import { FeedLinks } from "../../src/durable/links/feed-links.ts";
import { encodePushAnswer, type Replica } from "../../src/durable/links/rpc.ts";
import type { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { packRecords } from "../../src/feed/state/record-lines.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { seqAfter, type LogRecord } from "../../src/feed/state/record.ts";
import { DEFAULT_POLICY } from "../../src/durable/serving/policy.ts";
import { RemoteLog } from "../../src/durable/replica/remote-log.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { subscriptionOf } from "../feed/recording-subscriber.ts";

/** A leader without an object: its replicas leave whenever they are told something and `leaves` says so. */
class Leader {
  readonly feed = Feed.begin("e1");
  readonly log: LogRecord[] = [];
  leaves = false;
  readonly links: FeedLinks;
  readonly kept = new Map<string, unknown>();

  constructor() {
    const { kept } = this;
    const deliver: Replica["deliver"] = async ({ epoch, seq }) =>
      encodePushAnswer({ epoch, seq, subscribers: 0, lagging: 0, ...(this.leaves ? { leaves: true } : {}) });
    const lines = (after: number): ReturnType<FeedStore["lines"]> => {
      const [pack] = packRecords(
        this.log.filter((record) => seqAfter(record) > after),
        Infinity,
      );
      return pack && { lines: pack.text, seq: pack.seq };
    };
    this.links = new FeedLinks(
      {
        // oxlint-disable-next-line no-unsafe-type-assertion -- as much of it as links use
        stored: {
          get: (key: string) => kept.get(key),
          put: (key: string, value: unknown) => void kept.set(key, value),
          delete: (key: string) => kept.delete(key),
        } as SyncKvStorage,
        committed: () => ({ feed: this.feed }),
        // oxlint-disable-next-line no-unsafe-type-assertion -- the same
        store: () => ({ lines }) as unknown as FeedStore,
        // oxlint-disable-next-line no-unsafe-type-assertion -- the same
        replica: () => ({ deliver, forget: () => new Promise(() => {}) }) as unknown as DurableObjectStub<Replica>,
        steady: () => performance.now(),
        reported: () => {},
        wakeBy: () => {},
      },
      DEFAULT_POLICY.links,
    );
  }

  publish(): void {
    const decoded = finishSteps(decodeUpdatesInSteps([{ key: "A", set: { n: this.feed.seq } }]));
    const acceptance = decoded.ok ? this.feed.accept(decoded.updates, 0) : undefined;
    if (!acceptance?.ok || !acceptance.record) throw new Error("not accepted");
    this.log.push(acceptance.record);
    this.links.committed(this.feed, [acceptance.record]);
  }
}

afterEach(() => void vi.useRealTimers());

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
