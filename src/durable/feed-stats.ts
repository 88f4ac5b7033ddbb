import { parseObjectName } from "../placement/route.ts";
import type { LinkState } from "../replication/links.ts";
import type { FeedStats } from "./directory/rpc.ts";
import type { LiveFeed } from "./live-feed.ts";

/** The stats of a feed: its leader's own, and what its replicas have reported. `now` is of the clock of `links`. */
export function statsOf(
  name: string,
  { feed, broadcast, unfit }: Pick<LiveFeed, "feed" | "broadcast" | "unfit">,
  links: readonly LinkState[],
  now: number,
  object: Pick<FeedStats, "exists" | "storage" | "started">,
): FeedStats {
  const replicas = links.map(({ name: replica, report, position, failingSince }) => ({
    name: replica,
    region: parseObjectName(replica)?.region ?? "",
    subscribers: report?.subscribers ?? 0,
    lagging: report?.lagging ?? 0,
    // One that sleeps does not know its own.
    seq: [report, position].find((known) => known?.epoch === feed.epoch)?.seq ?? 0,
    ...(failingSince !== undefined && { unreachableSince: Math.round(Date.now() - (now - failingSince)) }),
  }));
  const sum = (of: "subscribers" | "lagging"): number =>
    replicas.reduce((total, replica) => total + replica[of], broadcast[of]);
  return {
    feed: name,
    ...feed.position,
    keys: feed.entries.size,
    subscribers: sum("subscribers"),
    lagging: sum("lagging"),
    replicas,
    time: feed.time,
    ...(unfit !== undefined && { unfit }),
    ...object,
  };
}
