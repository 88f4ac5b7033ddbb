import type { Pace } from "./live-feed.ts";

/** How fast a feed works unless told otherwise. */
export const DEFAULT_PACE: Pace = {
  // A message to one socket costs some 30 us of CPU, whatever is in it: the window grows with the sockets, so that
  // sending takes about half of the time at most.
  flushInterval: (subscribers) => 20 + subscribers * 0.06,
  commit: { window: 25, enough: 12, burst: 200, worthwhile: 3 },
};
