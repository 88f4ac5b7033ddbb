import type { FeedLoad, RegionLoad } from "./plan.ts";
import type { Region } from "./regions.ts";

/** How many things have happened in the last so many milliseconds, about: counted in two halves. */
class RecentCount {
  readonly #half: number;
  #begun = 0;
  #now = 0;
  #before = 0;

  constructor(milliseconds: number) {
    this.#half = milliseconds / 2;
  }

  add(count: number, now: number): void {
    this.#turn(now);
    this.#now += count;
  }

  at(now: number): number {
    this.#turn(now);
    return this.#now + this.#before;
  }

  #turn(now: number): void {
    const passed = now - this.#begun;
    if (passed < this.#half) return;
    this.#before = passed < 2 * this.#half ? this.#now : 0;
    this.#now = 0;
    this.#begun = now;
  }
}

/** Milliseconds over which the rate of updates is averaged. */
const RATE_TIME = 10_000;

/** What the leader sees of who comes to a feed, from where, and of how often it changes. Times are of the steady clock. */
export class Demand {
  readonly #ahead: number;
  readonly #arrivals = new Map<Region, RecentCount>();
  readonly #changes = new RecentCount(RATE_TIME);
  /** Subscribers of each replica, as last reported. */
  readonly #replicas = new Map<string, { readonly region: Region; subscribers: number }>();

  /** `ahead`: milliseconds for which arrivals count, see `PlanPolicy`. */
  constructor(ahead: number) {
    this.#ahead = ahead;
  }

  /** A subscriber has come from a region. */
  arrived(region: Region, now: number, count = 1): void {
    let arrivals = this.#arrivals.get(region);
    if (!arrivals) this.#arrivals.set(region, (arrivals = new RecentCount(this.#ahead)));
    arrivals.add(count, now);
  }

  /** Something was committed: those that it concerns get a message. */
  changed(now: number): void {
    this.#changes.add(1, now);
  }

  /** A replica says how many it serves. Those it has more than before have arrived. */
  reported(name: string, region: Region, subscribers: number, now: number): void {
    const known = this.#replicas.get(name);
    if (!known) this.#replicas.set(name, { region, subscribers });
    else {
      if (subscribers > known.subscribers) this.arrived(region, now, subscribers - known.subscribers);
      known.subscribers = subscribers;
    }
  }

  /** As last reported; undefined if nothing was. */
  subscribersOf(name: string): number | undefined {
    return this.#replicas.get(name)?.subscribers;
  }

  left(name: string): void {
    this.#replicas.delete(name);
  }

  load(onLeader: number, now: number): FeedLoad {
    const regions: Partial<Record<Region, RegionLoad>> = {};
    for (const [region, arrivals] of this.#arrivals) regions[region] = { subscribers: 0, arrived: arrivals.at(now) };
    for (const { region, subscribers } of this.#replicas.values()) {
      const { subscribers: before = 0, arrived = 0 } = regions[region] ?? {};
      regions[region] = { subscribers: before + subscribers, arrived };
    }
    return { onLeader, rate: (this.#changes.at(now) * 1000) / RATE_TIME, regions };
  }
}
