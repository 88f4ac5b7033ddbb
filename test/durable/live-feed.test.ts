import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { FeedStore } from "../../src/durable/storage/feed-store.ts";
import type { LiveFeed } from "../../src/durable/live-feed.ts";
import { DEFAULT_POLICY } from "../../src/durable/serving/policy.ts";
import type { EncodedMessage } from "../../src/feed/fanout/encoded-message.ts";
import type { Sink } from "../../src/feed/fanout/subscriber.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { EVERYTHING } from "../../src/protocol/selection.ts";
import { runs } from "../support/runs.ts";
import { withLiveFeeds } from "./live.ts";

afterEach(() => void vi.useRealTimers());

/** A subscriber that takes what it is sent, or nothing for a while. */
class Listener implements Sink {
  readonly #check: (seq: number) => void;
  readonly account = "someone";
  stalled = false;
  seq = 0;

  constructor(check: (seq: number) => void) {
    this.#check = check;
  }

  clearPosition(): void {}

  send(_: EncodedMessage, seq: number | undefined): void {
    if (seq === undefined) return;
    this.#check(seq);
    this.seq = seq;
  }

  backlog(): number {
    return this.stalled ? 1024 * 1024 : 0;
  }

  drop(): void {
    throw new Error("no subscriber is stuck for so long");
  }
}

/** As under load: both commits and messages are gathered from the first one on. */
const BUSY = { flush: { ...DEFAULT_POLICY.flush, capacity: 0 }, commit: { ...DEFAULT_POLICY.commit, burst: 1 } };

/** What happens, and after how many milliseconds. */
const step = fc.record({
  after: fc.nat({ max: 40 }),
  do: fc.constantFrom("publish", "publish", "publish", "publish ten", "stall", "drain", "come"),
});
const policies = fc.constantFrom(BUSY, BUSY, DEFAULT_POLICY);
const subscription = { selection: EVERYTHING, mode: "latest", hz: undefined } as const;

describe("[I1] nothing is sent that is not written", () => {
  // Few are served within the write, many in turns, and slowly enough that updates come in between.
  test.each([3, 70, 150])("[MERGE3] to %d subscribers, whenever updates come", async (count) => {
    await withLiveFeeds(async ({ sql, abandoned, open }) => {
      vi.useFakeTimers();
      await fc.assert(
        fc.asyncProperty(policies, fc.array(step, { minLength: 20, maxLength: 60 }), async (policy, steps) => {
          const store = new FeedStore(sql, FEED_LIMITS);
          let written = 0;
          const append = store.append.bind(store);
          vi.spyOn(store, "append").mockImplementation((feed, records, ...rest) => {
            const length = append(feed, records, ...rest);
            written = feed.seq;
            return length;
          });
          const live = open({ policy, store });
          written = live.feed.seq;
          const listeners: Listener[] = [];
          const come = (): void => {
            const listener = new Listener((seq) =>
              expect(seq, "sent before it was written").toBeLessThanOrEqual(written),
            );
            live.commit();
            live.broadcast.subscribe(listener, subscription, undefined);
            listeners.push(listener);
          };
          for (let i = 0; i < count; i++) come();
          const publish = (): void => void live.accept({ updates: ['{"key":"A","set":{"p":1}}'] });
          for (const { after, do: act } of steps) {
            await vi.advanceTimersByTimeAsync(after);
            const [first] = listeners;
            if (act === "publish") publish();
            else if (act === "publish ten") for (let i = 0; i < 10; i++) publish();
            else if (act === "come") come();
            else if (first) first.stalled = act === "stall";
          }
          for (const listener of listeners) listener.stalled = false;
          await vi.advanceTimersByTimeAsync(2000);
          expect(written).toBe(live.feed.seq);
          for (const { seq } of listeners) expect(seq, "and all of it is sent").toBe(written);
          expect(vi.getTimerCount(), "no timer while nothing waits").toBe(0);
          expect(abandoned).toEqual([]);
        }),
        { numRuns: runs(10) },
      );
    });
  });
});

test("[I8] a checkpoint ends even if the batches that wait are more than a journal should hold", async () => {
  const commit = { window: 60_000, enough: 1_000_000, most: 1_000_000, burst: 0, worthwhile: 1, grant: 0 };
  await withLiveFeeds(async ({ abandoned, open }) => {
    const live = open({ policy: { ...DEFAULT_POLICY, commit }, steady: () => performance.now() });
    const text = "x".repeat(60_000);
    const publish = (n: number): ReturnType<LiveFeed["accept"]> =>
      live.accept({ updates: Array.from({ length: 16 }, (_, i) => `{"key":"k${n}.${i}","set":{"t":"${text}"}}`) });
    // The first batch makes a checkpoint due. The others wait until its last step commits them.
    const first = publish(0);
    live.commit();
    await first;
    const waiting = [1, 2, 3, 4, 5].map(publish);
    for (const outcome of await Promise.all(waiting)) expect(outcome.ok).toBe(true);
    const last = publish(6);
    live.commit();
    expect(await last).toMatchObject({ ok: true });
    expect(abandoned).toEqual([]);
    live.end();
  });
});

test("[I2] a patch of an expired entry starts from {}, however many entries expire with it", async () => {
  await withLiveFeeds(async ({ open }) => {
    let now = 1_000_000;
    const live = open({ now: () => now, steady: () => performance.now() });
    const updates = Array.from({ length: 900 }, (_, i) => `{"key":"k${i}","set":{"old":true},"ttl":${1 + i / 1000}}`);
    await live.accept({ updates });
    now += 60_000;
    const { length } = updates;
    const outcome = await live.accept({
      updates: ["k899", "k0", "k899", "other"].map((key) => `{"key":"${key}","patch":{"new":true}}`),
    });
    // After the deletion of the first 500, and of the entry that is patched.
    expect(outcome).toMatchObject({ ok: true, receipt: { seq: length + 500 + 1 + 4, accepted: 4 } });
    for (const key of ["k899", "k0", "other"]) expect(live.feed.entries.get(key)?.value).toEqual({ new: true });
    await vi.waitFor(() => expect(live.feed.entries.size).toBe(3));
    expect(live.feed.seq, "each is deleted once").toBe(2 * length + 4);
    live.end();
  });
});

test("[I1] a publish is answered after its write; if the write fails it has no receipt, and the object is given up", async () => {
  const append = vi.spyOn(FeedStore.prototype, "append");
  const commit = { ...DEFAULT_POLICY.commit, burst: 0 };
  try {
    await withLiveFeeds(async ({ abandoned, open }) => {
      const live = open({ policy: { ...DEFAULT_POLICY, commit } });
      expect(await live.accept({ updates: ['{"key":"A","set":{}}'] })).toMatchObject({ ok: true });
      expect(append).toHaveBeenCalledTimes(1);
      append.mockImplementationOnce(() => {
        throw new Error("the disk is full");
      });
      await expect(live.accept({ updates: ['{"key":"A","set":{"n":1}}'] })).rejects.toThrow("the disk is full");
      expect(abandoned).toEqual(["a write failed"]);
      live.end();
    });
  } finally {
    append.mockRestore();
  }
});

/** Timers that fire when they are told to: `armed` gives those that are armed now, and fires them. */
function takeTimers(): { armed: () => () => void; restore: () => void } {
  const timers = new Map<object, () => void>();
  const set = vi.spyOn(globalThis, "setTimeout").mockImplementation((act: () => void) => {
    const timer = {};
    timers.set(timer, act);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing looks into it
    return timer as ReturnType<typeof setTimeout>;
  });
  const clear = vi.spyOn(globalThis, "clearTimeout").mockImplementation((timer) => {
    if (typeof timer === "object" && timer !== null) timers.delete(timer);
  });
  return {
    armed: () => {
      const waiting = [...timers];
      return () => {
        for (const [timer, act] of waiting) if (timers.delete(timer)) act();
      };
    },
    restore: () => {
      set.mockRestore();
      clear.mockRestore();
    },
  };
}

describe("[MERGE8] a flood of publishes does not keep a feed from sending", () => {
  const COUNT = 150;
  /** As many as are written without waiting for more. */
  const { most } = DEFAULT_POLICY.commit;

  /** Has a flood of batches come for so many milliseconds, and returns the longest time without a message to the first subscriber. */
  async function longestSilence(
    milliseconds: number,
    round: (live: LiveFeed, publish: () => void) => void,
  ): Promise<number> {
    let longest = 0;
    await withLiveFeeds(async ({ open }) => {
      let now = 0;
      const live = open({ policy: BUSY, steady: () => now });
      let lastAt = 0;
      for (let i = 0; i < COUNT; i++) {
        const listener = new Listener(() => {
          if (i > 0) return;
          longest = Math.max(longest, now - lastAt);
          lastAt = now;
        });
        live.broadcast.subscribe(listener, subscription, undefined);
      }
      const publish = (): void => {
        for (let i = 0; i < most; i++) void live.accept({ updates: ['{"key":"A","set":{"p":1}}'] });
      };
      for (; now < milliseconds; now++) round(live, publish);
      longest = Math.max(longest, now - lastAt);
      live.end();
    });
    return longest;
  }

  test("where events come so fast that no timer fires", async () => {
    const timers = takeTimers();
    const silence = await longestSilence(1_000, (live, publish) => {
      live.keepTime();
      publish();
    }).finally(timers.restore);
    expect(silence).toBeLessThan(100);
  });

  test("where a write comes before each timer that waits", async () => {
    const timers = takeTimers();
    const silence = await longestSilence(1_000, (_, publish) => {
      const fire = timers.armed();
      publish();
      fire();
    }).finally(timers.restore);
    expect(silence).toBeLessThan(100);
  });

  test("and what it owes to sending is paid as it sends", async () => {
    const timers = takeTimers();
    let waits = 0;
    await longestSilence(500, (live, publish) => {
      publish();
      live.tookIn(5);
      for (; live.isOwed(); waits++) timers.armed()();
    }).finally(timers.restore);
    expect(waits).toBeGreaterThan(10);
  });
});
