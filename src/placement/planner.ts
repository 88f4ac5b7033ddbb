import { Demand } from "./demand.ts";
import { nextPlan, NO_PLAN, type Plan, type PlanPolicy } from "./plan.ts";
import type { Region } from "./regions.ts";
import { parseObjectName } from "./route.ts";

/** Makes the plan of a feed from what its leader sees. Times are of the steady clock. */
export class Planner {
  readonly #policy: PlanPolicy;
  readonly #demand: Demand;
  #state = NO_PLAN;
  #madeAt = -Infinity;

  constructor(policy: PlanPolicy) {
    this.#policy = policy;
    this.#demand = new Demand(policy.ahead);
  }

  /** Goes on with replicas that were there before the memory was lost. They stay until it shows that they are not needed. */
  resume(names: readonly string[]): void {
    const plan: Partial<Record<Region, number>> = {};
    for (const name of names) {
      const replica = parseObjectName(name);
      if (replica) plan[replica.region] = (plan[replica.region] ?? 0) + 1;
    }
    this.#state = { plan, idleSince: {} };
  }

  arrived(region: Region, now: number): void {
    this.#demand.arrived(region, now);
  }

  changed(now: number): void {
    this.#demand.changed(now);
  }

  reported(name: string, subscribers: number, now: number): void {
    // Each answer to a push says it, and most say the same as the one before.
    if (this.#demand.subscribersOf(name) === subscribers) return;
    const replica = parseObjectName(name);
    if (replica) this.#demand.reported(name, replica.region, subscribers, now);
  }

  left(name: string): void {
    this.#demand.left(name);
  }

  /** The present plan; `onLeader` subscribers are on the leader itself. */
  plan(onLeader: number, now: number): Plan {
    if (now - this.#madeAt >= this.#policy.hold) {
      this.#madeAt = now;
      this.#state = nextPlan(this.#state, this.#demand.load(onLeader, now), this.#policy, now);
    }
    return this.#state.plan;
  }
}
