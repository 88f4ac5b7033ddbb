import type { FeedPace } from "./live-feed.ts";

/** How fast a feed works unless told otherwise. */
export const DEFAULT_PACE: FeedPace = {
  send: {
    // A message to one socket costs some 30 us of CPU, whatever is in it: sending takes three quarters of the time at
    // most where updates go out as they come, and two fifths where they are gathered.
    capacity: 26_000,
    // Some 3 ms, for which nothing else happens.
    slice: 100,
    window: (messages) => 20 + messages * 0.054,
  },
  commit: { window: 22, enough: 12, burst: 200, worthwhile: 3 },
};
