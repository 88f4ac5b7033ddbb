import type { FlushPolicy } from "../../feed/fanout/live/flush-schedule.ts";
import type { LinkTimes } from "../links/rpc.ts";
import type { CommitPolicy } from "../storage/group-commit.ts";

export interface FeedPolicy {
  readonly flush: FlushPolicy;
  readonly commit: CommitPolicy;
  readonly links: LinkTimes;
}

/** The policy that the defaults of a deployment use. */
export const DEFAULT_POLICY: FeedPolicy = {
  flush: {
    // A message to one socket costs some 30 us of CPU, whatever is in it: sending takes three quarters of the time at
    // most while updates go out as they come, and a third while they are gathered.
    capacity: 26_000,
    // Some 2 ms, as the platform sends them: whoever comes meanwhile waits for it several times.
    slice: 50,
    group: 250,
    window: (waiting) => 20 + waiting * 0.066,
    // As long as the window of a commit, so that each flush begins with one.
    turn: 21,
  },
  commit: { window: 21, enough: 12, most: 32, burst: 200, worthwhile: 3, grant: 200 },
  links: { settled: 5_000, report: 1_000, join: 1_000, quiet: 10 * 60_000 },
};
