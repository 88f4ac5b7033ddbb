import type { Budget } from "../../feed/fanout/budget.ts";
import type { FlushPolicy } from "../../feed/fanout/live/flush-schedule.ts";
import type { Feed } from "../../feed/state/feed.ts";
import type { LogRecord } from "../../feed/state/record.ts";
import { ServingFeed } from "../serving/serving-feed.ts";
import type { RemoteLog } from "./remote-log.ts";

/** A leader's feed as a replica serves it. It changes by the leader's records alone: here, nothing expires by a clock. */
export class FollowingFeed extends ServingFeed {
  readonly #log: RemoteLog;

  constructor(feed: Feed, log: RemoteLog, policy: FlushPolicy, steady: () => number, budget: Budget) {
    super(feed, log, policy, steady, budget);
    this.#log = log;
  }

  /** All that a leader tells is durable. */
  override commit(): void {}

  /** Takes records that join on. */
  apply(records: readonly LogRecord[]): void {
    if (records.length === 0) return;
    this.feed.apply(records);
    this.#log.recent.add(records);
    this.deliver(records);
  }
}
