import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FollowAnswer } from "../../src/durable/links/rpc.ts";
import { Following } from "../../src/durable/replica/following.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { encodeState } from "../../src/replication/state-lines.ts";
import { contentOf } from "./feeds.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The leader's feed. */
function fullFeed(): Feed {
  const feed = Feed.begin("e1");
  for (let n = 0; n < 20; n++) {
    const decoded = finishSteps(decodeUpdatesInSteps([{ key: `k${n}`, set: { n } }]));
    if (!decoded.ok || !feed.accept(decoded.updates, 0).ok) throw new Error("not accepted");
  }
  return feed;
}

/** Its state: all of it; or nothing after the first parts, be it that the link is cut or that no word comes any more. */
function stateOf(feed: Feed, end: "whole" | "cut" | "silent" = "whole"): FollowAnswer {
  const parts = [...encodeState(feed, () => {}, 100)];
  const some = end === "whole" ? parts : parts.slice(0, 3);
  const lines = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const part = some.shift();
      if (part !== undefined) controller.enqueue(new TextEncoder().encode(part));
      else if (end === "whole") controller.close();
      else if (end === "cut") controller.error(new Error("the link was cut"));
    },
  });
  return { kind: "state", lines, seq: feed.seq };
}

/** A replica that has nothing, and what its leader answers it, one after the other. */
function replicaOf(...answers: (() => Promise<FollowAnswer>)[]): {
  following: Following;
  asked: () => number;
  feed: () => Feed | undefined;
} {
  let [asked, feed] = [0, undefined as Feed | undefined];
  const following = new Following({
    limits: FEED_LIMITS,
    served: () => undefined,
    steady: () => Date.now(),
    follow: async () => {
      const answer = answers[asked++];
      return answer ? answer() : Promise.reject(new Error("asked too often"));
    },
    replace: (built) => void (feed = built),
  });
  return { following, asked: () => asked, feed: () => feed };
}

test("[REP6] a replica whose link is cut in the midst of the state serves nothing of it, and asks again", async () => {
  const feed = fullFeed();
  const replica = replicaOf(
    async () => stateOf(feed, "cut"),
    async () => stateOf(feed),
  );
  await replica.following.refresh();
  expect(replica.asked()).toBe(2);
  expect(contentOf(replica.feed()!)).toBe(contentOf(feed));
});

test("[REP6] a replica does not wait without end for a leader that has fallen silent", async () => {
  const feed = fullFeed();
  const replica = replicaOf(
    () => new Promise(() => {}),
    async () => stateOf(feed, "silent"),
    async () => stateOf(feed),
  );
  // Nobody waits for so long.
  const reader = expect(replica.following.refresh()).rejects.toThrow("does not answer");
  await vi.advanceTimersByTimeAsync(30_100);
  await reader;
  expect(replica.asked()).toBe(3);
  expect(contentOf(replica.feed()!)).toBe(contentOf(feed));
});
