import type { Job } from "../../feed/fanout/catch-up/jobs.ts";
import { FANOUT_LIMITS } from "../../feed/fanout/fanout-limits.ts";

/** Reads a piece of the log for a replica, in one step. One of `found` and `failed` is called, once. */
export function logReader<Piece>(
  replica: string,
  read: () => Piece | undefined,
  found: (piece: Piece | undefined) => void,
  failed: (error: unknown) => void,
): Job {
  return {
    account: `replica ${replica}`,
    // `read` commits.
    needsCommit: false,
    isReady: () => true,
    step(_, meter) {
      // A few milliseconds: all that a turn of the event loop is for.
      meter.work += FANOUT_LIMITS.stepWork;
      found(read());
      return "done";
    },
    fail: failed,
    end: () => found(undefined),
  };
}
