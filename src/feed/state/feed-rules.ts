import type { Json } from "../../protocol/json.ts";
import type { FeedLimits } from "../../protocol/limits.ts";

/** How much a feed may hold, and what it demands of its updates. */
export interface FeedRules extends FeedLimits {
  /** Seconds that an entry lives whose update does not say it; undefined if it stays. */
  readonly ttl?: number | undefined;
  readonly check?: ValueCheck | undefined;
}

/** Says what is wrong with a value that an update would make; empty if nothing. */
export type ValueCheck = (value: Json) => readonly ValueIssue[];

interface ValueIssue {
  /** Where in the value, such as `bid.levels[0]`; empty for all of it. */
  readonly path: string;
  readonly message: string;
}
