import { hash32 } from "../feed/state/hash.ts";
import type { Plan } from "./plan.ts";
import { isRegion, nearestRegion, type Region, type Whereabouts } from "./regions.ts";

/** One replica of a feed. */
export interface ReplicaName {
  readonly region: Region;
  readonly index: number;
}

/** The name of a replica's object. No feed's name has a slash. */
export function objectName(feed: string, { region, index }: ReplicaName): string {
  return `${feed}/${region}/${index}`;
}

/** Reads such a name; undefined if it is none, or of a region that this version does not know. */
export function parseObjectName(name: string): ReplicaName | undefined {
  const [, region = "", index] = name.split("/");
  return isRegion(region) && Number(index) >= 0 ? { region, index: Number(index) } : undefined;
}

/** Replicas to ask in turn, before the leader. */
const TRIES = 2;

/**
 * The replicas that may serve a client, the best first; none if the leader serves it. A client IP always has the same order
 * as long as the plan stays, so that what it may have of one object it does not get of each. A replica more or less moves
 * few of them.
 */
export function route(plan: Plan, from: Whereabouts | undefined, client: string): ReplicaName[] {
  // oxlint-disable-next-line no-unsafe-type-assertion -- the keys of a plan
  const regions = Object.keys(plan) as Region[];
  const found: ReplicaName[] = [];
  while (found.length < TRIES) {
    const region = nearestRegion(regions, from);
    if (region === undefined) return found;
    regions.splice(regions.indexOf(region), 1);
    const ranks = Array.from({ length: plan[region] ?? 0 }, (_, index) => rank(region, index, client));
    const ranked = [...ranks.keys()].toSorted((a, b) => (ranks[b] ?? 0) - (ranks[a] ?? 0));
    for (const index of ranked.slice(0, TRIES - found.length)) found.push({ region, index });
  }
  return found;
}

function rank(region: Region, index: number, client: string): number {
  return hash32(`${client} ${region} ${index}`, 0);
}
