import type { StatsAnswer } from "../../protocol/answers.ts";

/*
 * What a feed's object and the directory's object ask of each other. Each imports this file and not the other's class:
 * the two would form a ring.
 */

/** The feed's figures, as over HTTP, and whether it was ever published to. */
export interface FeedStats extends StatsAnswer {
  readonly exists: boolean;
}

/** What the directory asks of a feed's object. */
export interface SurveyedFeed extends Rpc.DurableObjectBranded {
  /** The feed's stats. From now on the feed tells the directory when they change. */
  statsForDirectory(): FeedStats;
}

/** `full`: there are as many feeds as there may be. `share`: the credential, or all tokens, have made what they may. */
export type Listed = "listed" | "full" | "share";

/** Why a feed that does not exist cannot be made. */
export const NOT_LISTED: Readonly<Record<Exclude<Listed, "listed">, string>> = {
  full: "There are as many feeds as there may be.",
  share: "Tokens have made as many feeds as they may.",
};

/** What a feed's object asks of the directory. */
export interface Directory extends Rpc.DurableObjectBranded {
  /** Lists a feed before it is first written to. There may be `most` feeds. `maker` is the id of the credential. */
  add(feed: string, most: number, maker: string): Listed;
  /** Notes that a feed's stats have changed since the directory last asked. A feed that is not listed stays so. */
  change(feed: string): void;
  remove(feed: string): void;
}
