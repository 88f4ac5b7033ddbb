import type { FairQueueLimits } from "../limits/fair-queue.ts";
import type { FeedPace } from "./live-feed.ts";

/** How fast a feed works unless told otherwise. */
export const DEFAULT_PACE: FeedPace = {
  send: {
    // A message to one socket costs some 30 us of CPU, whatever is in it: sending takes three quarters of the time at
    // most where updates go out as they come, and a third where they are gathered.
    capacity: 26_000,
    // Some 3 ms, as the platform sends them.
    slice: 100,
    group: 250,
    window: (waiting) => 20 + waiting * 0.066,
    // As long as the window of a commit: so each pass begins with one.
    turn: 21,
  },
  commit: { window: 21, enough: 12, burst: 200, worthwhile: 3 },
};

/** How publishes and messages are taken in. A megabyte takes some 20 ms of the thread, the smallest publish 0.1 ms. */
export const INTAKE: FairQueueLimits = {
  // Twice the rate of small publishes that one credential may keep up.
  atOnce: { perSecond: 2 * 1024 * 1024, burst: 64 * 1024 },
  turn: 32 * 1024,
  // With others there, half of the time is theirs: a megabyte takes up to 40 ms.
  pace: 60 / (1024 * 1024),
  // What waits is held in the object's memory, and draws from the budget of what comes and goes besides.
  perAccount: { jobs: 4_000, size: 3 * 1024 * 1024 },
  size: 6 * 1024 * 1024,
};
