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
