import type { Job } from "../../feed/fanout/catch-up/jobs.ts";
import type { LogMemory } from "../../feed/fanout/catch-up/log-memory.ts";
import { FANOUT_LIMITS } from "../../feed/fanout/fanout-limits.ts";
import type { HistoryPage } from "../storage/stored-log.ts";

/**
 * Searches storage for a page of history, a piece in each step. Each step yields how many bytes are held after it. One of
 * `found` and `failed` is called, once.
 */
export function historyReader(
  account: string,
  steps: Generator<number, HistoryPage>,
  memory: LogMemory,
  found: (page: HistoryPage | undefined) => void,
  failed: (error: unknown) => void,
): Job {
  const release = (): void => memory.release(job);
  const job: Job = {
    account,
    // It shows only what is stored.
    needsCommit: false,
    isReady: () => memory.hasRoom(job),
    step(now, meter) {
      if (!job.isReady(now)) return "wait";
      // A few milliseconds: all that a turn of the event loop is for.
      meter.work += FANOUT_LIMITS.stepWork;
      const { done, value } = steps.next();
      if (done !== true) {
        memory.hold(job, value);
        return "more";
      }
      release();
      found(value);
      return "done";
    },
    fail(error) {
      release();
      failed(error);
    },
    end() {
      release();
      found(undefined);
    },
  };
  return job;
}
