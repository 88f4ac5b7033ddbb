import { readNumber, SETTINGS, type Settings } from "../access/settings.ts";
import type { PlanPolicy } from "./plan.ts";
import { isRegion, REGIONS, type Region } from "./regions.ts";

/** Whether a feed may have replicas, and when it gets them. */
export interface ReplicaPolicy extends PlanPolicy {
  /** Where they may be. */
  readonly regions: readonly Region[];
}

export type ReplicaSettings = Pick<Settings, "REPLICAS" | "REPLICA_SOCKETS" | "REPLICA_WINDOW">;

/** How an object sends, of which a plan depends. */
export type SendingPolicy = Pick<PlanPolicy, "capacity"> & { readonly window: (subscribers: number) => number };

/** Replicas of a feed: a push to each takes some 150 us of the leader's thread. */
const MOST = 128;
/** Milliseconds: a plan is kept for 5 s in a Worker, and a replica starts in less. */
const AHEAD = 10_000;
const HOLD = 1_000;
const SHRINK_AFTER = 10 * 60_000;

/** Reads the settings; undefined if there are to be no replicas. Throws if one is not understood. */
export function replicaPolicyOf(settings: ReplicaSettings, sending: SendingPolicy): ReplicaPolicy | undefined {
  const where = (settings.REPLICAS ?? SETTINGS.REPLICAS).trim();
  if (where === "off") return undefined;
  const regions = where === "" || where === "auto" ? REGIONS : where.split(/[\s,]+/).filter((region) => region !== "");
  const wrong = regions.find((region) => !isRegion(region));
  if (wrong !== undefined)
    throw new Error(`REPLICAS has "${wrong}"; it is auto, off, or some of ${REGIONS.join(", ")}`);
  return {
    regions: regions.filter(isRegion),
    sockets: readNumber(settings, "REPLICA_SOCKETS"),
    window: readNumber(settings, "REPLICA_WINDOW"),
    capacity: sending.capacity,
    windowOf: (subscribers) => sending.window(subscribers),
    most: MOST,
    ahead: AHEAD,
    hold: HOLD,
    shrinkAfter: SHRINK_AFTER,
  };
}
