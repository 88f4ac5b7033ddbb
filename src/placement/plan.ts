import type { Region } from "./regions.ts";

/** How many replicas a feed has in each region. New subscribers go to them; where there are none, to the leader. */
export type Plan = Readonly<Partial<Record<Region, number>>>;

/** What is known of a region when a plan is made. Where no replica may be, its callers count in the nearest other region. */
export interface RegionLoad {
  /** On its replicas, all that the region has or ever had. */
  readonly subscribers: number;
  /** Subscribers that have come lately: in the last `PlanPolicy.ahead` milliseconds. Those on the leader count where they come from. */
  readonly arrived: number;
}

export interface FeedLoad {
  /** On the leader itself. */
  readonly onLeader: number;
  /** Messages a second that one subscriber would get if each went out at once. */
  readonly rate: number;
  readonly regions: Readonly<Partial<Record<Region, RegionLoad>>>;
}

export interface PlanPolicy {
  /** Subscribers that one object serves, at most. */
  readonly sockets: number;
  /** Messages a second that one object sends, with time left for the rest. */
  readonly capacity: number;
  /** Milliseconds that a subscriber's updates may be gathered for. */
  readonly window: number;
  /** The window of an object that has so many subscribers to send to. */
  readonly windowOf: (subscribers: number) => number;
  /** Replicas of a feed, at most: the leader sends each of them all that happens. */
  readonly most: number;
  /** Milliseconds to look ahead: as long as a plan is kept in a Worker, and a replica takes to start. */
  readonly ahead: number;
  /** Milliseconds for which a plan holds before another is made. */
  readonly hold: number;
  /** Milliseconds for which a region must have more replicas than it needs before it loses one. */
  readonly shrinkAfter: number;
}

/** A plan, and since when regions have had more than they need, in milliseconds of any clock. */
export interface PlanState {
  readonly plan: Plan;
  readonly idleSince: Readonly<Partial<Record<Region, number>>>;
}

export const NO_PLAN: PlanState = { plan: {}, idleSince: {} };

/** How full an object should become. The rest is for those that arrive before the next plan reaches all Workers. */
const FULL = 0.8;

/**
 * How many subscribers one object serves. As many as there may be sockets, if their messages can go out as they come;
 * else as many as can be sent to within the window.
 */
export function placesOf({ sockets, capacity, window, windowOf }: PlanPolicy, rate: number): number {
  let [low, high] = [1, sockets];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (middle * rate <= capacity || windowOf(middle) <= window) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The next plan. It grows at once, by what is there and by what is on its way, and shrinks slowly, by one at a time. */
export function nextPlan(state: PlanState, load: FeedLoad, policy: PlanPolicy, now: number): PlanState {
  const places = Math.max(1, Math.floor(FULL * placesOf(policy, load.rate)));
  const wanted = shared(wantedReplicas(state.plan, load, places), policy.most);
  const plan: Partial<Record<Region, number>> = {};
  // Where there are as many as there may be, a region that needs more waits until another has given some up.
  let room = policy.most - countOf(state.plan);
  const idleSince: Partial<Record<Region, number>> = {};
  for (const region of regionsOf(state.plan, wanted)) {
    const [has, wants] = [state.plan[region] ?? 0, wanted[region] ?? 0];
    let count = has;
    if (wants > has) {
      // The first one of a region is always allowed.
      const more = Math.max(has === 0 ? 1 : 0, Math.min(wants - has, room));
      count += more;
      room -= more;
    } else if (wants < has) {
      const since = state.idleSince[region] ?? now;
      const isOver = now - since >= policy.shrinkAfter;
      if (isOver) count = has - 1;
      if (count > wants) idleSince[region] = isOver ? now : since;
    }
    if (count > 0) plan[region] = count;
  }
  return { plan, idleSince };
}

function wantedReplicas(plan: Plan, { onLeader, regions }: FeedLoad, places: number): Partial<Record<Region, number>> {
  let [subscribers, arrived] = [onLeader, 0];
  for (const load of Object.values(regions)) {
    subscribers += load.subscribers;
    arrived += load.arrived;
  }
  const hasPlan = Object.keys(plan).length > 0;
  // The leader serves all that it can. Once there are replicas, they stay until half as many are left.
  if (subscribers + arrived <= (hasPlan ? places / 2 : places)) return {};
  const wanted: Partial<Record<Region, number>> = {};
  for (const region of regionsOf(plan, regions)) {
    const load = regions[region] ?? { subscribers: 0, arrived: 0 };
    const coming = load.subscribers + load.arrived;
    // A region of few is served by its neighbour. One that has a replica keeps it for as many.
    const isWorthIt = load.arrived * 20 > arrived || load.subscribers * 20 > subscribers;
    if (coming > 0 && (isWorthIt || plan[region])) wanted[region] = Math.ceil(coming / places);
  }
  return wanted;
}

/** The same with at most so many replicas in all: each region gives up the same part, and keeps one. */
function shared(wanted: Plan, most: number): Plan {
  const total = countOf(wanted);
  if (total <= most) return wanted;
  const parts = Object.entries(wanted).map(([region, count]) => ({ region, part: (count * most) / total }));
  const counts = new Map(parts.map(({ region, part }) => [region, Math.max(1, Math.floor(part))]));
  let left = most - parts.reduce((sum, { region }) => sum + (counts.get(region) ?? 0), 0);
  // What is left goes to those that were cut short most.
  for (const { region } of parts.toSorted((a, b) => (b.part % 1) - (a.part % 1))) {
    if (left-- <= 0) break;
    counts.set(region, (counts.get(region) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

function countOf(plan: Plan): number {
  return Object.values(plan).reduce((sum, count) => sum + count, 0);
}

function regionsOf(...of: readonly Readonly<Partial<Record<Region, unknown>>>[]): Set<Region> {
  // oxlint-disable-next-line no-unsafe-type-assertion -- the keys of such records
  return new Set(of.flatMap((one) => Object.keys(one) as Region[]));
}
