import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FollowingFeed } from "../../src/durable/replica/following-feed.ts";
import { Following, type FollowingHost } from "../../src/durable/replica/following.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { encodeState } from "../../src/replication/state-lines.ts";

/** A replica that has a feed and asks a leader about it. `answers`: whether that leader answers. */
class Replica {
  asked = 0;
  answers = true;
  readonly #feed = Feed.begin("e1");
  readonly following: Following;

  constructor() {
    const { position } = this.#feed;
    const upToDate = { kind: "records", push: { ...position, from: position.seq, records: "" }, isEnd: true } as const;
    // oxlint-disable-next-line no-unsafe-type-assertion -- as much of it as following uses
    const served = { feed: this.#feed, apply: () => {} } as unknown as FollowingFeed;
    const host: FollowingHost = {
      limits: FEED_LIMITS,
      served: () => served,
      steady: () => Date.now(),
      follow: () => {
        this.asked++;
        return this.answers ? Promise.resolve(upToDate) : new Promise(() => {});
      },
      replace: () => {},
    };
    this.following = new Following(host);
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("[REP3] however many readers come, the leader is asked once in 20 ms, and each after the reader came", async () => {
  const replica = new Replica();
  let shown = 0;
  for (let ms = 0; ms < 100; ms++) {
    const before = replica.asked;
    void replica.following.refresh().then(() => {
      expect(replica.asked).toBeGreaterThan(before);
      shown++;
    });
    await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(20);
  expect(shown).toBe(100);
  expect(replica.asked).toBeLessThanOrEqual(6);
});

test("[REP6] if the leader does not answer, one reader waits 5 s for it, and the next ones do not", async () => {
  const replica = new Replica();
  replica.answers = false;
  const done: number[] = [];
  const read = (): void => void replica.following.refresh().catch(() => done.push(Date.now() - begun));
  const begun = Date.now();
  read();
  await vi.advanceTimersByTimeAsync(5_000);
  read();
  await vi.advanceTimersByTimeAsync(500);
  expect(done).toEqual([5_000, 5_000]);
});

test("[REP4] a state that was on its way when the feed was removed is not served", async () => {
  const epochs = ["e1", "e2"];
  const served: string[] = [];
  const following: Following = new Following({
    limits: FEED_LIMITS,
    served: () => undefined,
    steady: () => Date.now(),
    follow: async () => {
      const feed = Feed.begin(epochs.shift() ?? "e3");
      if (feed.epoch === "e1") following.forget();
      return { kind: "state", seq: 0, lines: new Blob([...encodeState(feed, () => {})]).stream() };
    },
    replace: ({ epoch }) => void served.push(epoch),
  });
  await following.refresh();
  expect(served).toEqual(["e2"]);
});
