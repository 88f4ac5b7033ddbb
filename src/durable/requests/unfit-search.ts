import type { Job } from "../../feed/fanout/catch-up/jobs.ts";
import { FANOUT_LIMITS } from "../../feed/fanout/fanout-limits.ts";
import type { UnfitEntries } from "../../feed/state/unfit-entries.ts";

/** Looks for entries that are unfit. `done` is called once, also if the search breaks off. */
export function unfitSearch(unfit: UnfitEntries, done: () => void): Job {
  const steps = unfit.search();
  const end = (): void => {
    steps.return();
    done();
  };
  return {
    account: "stats",
    // It only counts.
    needsCommit: false,
    isReady: () => true,
    step(_, meter) {
      meter.work += FANOUT_LIMITS.stepWork;
      if (steps.next().done !== true) return "more";
      done();
      return "done";
    },
    fail: end,
    end,
  };
}
