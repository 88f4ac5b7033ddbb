import { inTime } from "../limits/in-time.ts";
import type { Plan } from "../placement/plan.ts";
import { nearestRegion, type Region, type Whereabouts } from "../placement/regions.ts";
import { objectName, route } from "../placement/route.ts";
import type { Deployment } from "./deployment.ts";

/** Milliseconds for which a plan is taken to hold. */
const KEPT = 5_000;
/** Plans kept at a time. */
const MANY = 10_000;
/** Milliseconds to wait for what another request learns: it may be gone, and then learns nothing. */
const PATIENCE = 1_000;

/** What one of a feed's objects answers. `served` is undefined if it cannot serve the request, and another may. */
export interface Answer<T> {
  readonly served: T | undefined;
  /** The leader's plan, if there are replicas. */
  readonly plan?: Plan | undefined;
}

/** Who asks, and from where. */
export interface Asker {
  readonly from: Whereabouts | undefined;
  readonly client: string;
}

/** A feed's object that is asked. `isLast`: there is no other, so that it should serve if it can. */
export interface AskedObject {
  readonly object:
    | ReturnType<Deployment["feeds"]["getByName"]>
    | ReturnType<NonNullable<Deployment["replicas"]>["getByName"]>;
  readonly region: Region | undefined;
  readonly isLast: boolean;
}

/**
 * Which of a feed's objects serve its readers. Small feeds have only the leader, and are not asked for a plan: the leader
 * sends it with its answers once there is one. While nothing is known of a feed, one request goes ahead, and those that
 * come meanwhile wait for what it learns.
 */
export class Plans {
  readonly #deployment: Pick<Deployment, "feeds" | "replicas" | "replicaRegions">;
  /** The plan of each feed, and until when it holds. Oldest first. */
  readonly #known = new Map<string, { readonly plan: Plan; readonly until: number }>();
  /** The request of each feed that has gone ahead, and when. */
  readonly #scouts = new Map<string, { readonly done: Promise<void>; readonly since: number }>();

  constructor(deployment: Pick<Deployment, "feeds" | "replicas" | "replicaRegions">) {
    this.#deployment = deployment;
  }

  /** Has an object of a feed serve a request. Rejects as the leader does, if that is asked and fails. */
  async serve<T>(feed: string, asker: Asker, ask: (asked: AskedObject) => Promise<Answer<T>>): Promise<T | undefined> {
    const { replicas, replicaRegions } = this.#deployment;
    const leader = this.#deployment.feeds.getByName(feed);
    if (!replicas) return (await ask({ object: leader, region: undefined, isLast: true })).served;
    const region = nearestRegion(replicaRegions, asker.from);
    const askLeader = async (isLast: boolean): Promise<Answer<T>> => {
      const answer = await ask({ object: leader, region, isLast });
      this.#keep(feed, answer.plan ?? {});
      return answer;
    };
    let plan = this.#plan(feed);
    if (!plan) {
      const scout = this.#scouts.get(feed);
      if (scout && Date.now() - scout.since < PATIENCE) {
        await inTime(scout.done, PATIENCE, () => new Error("it learns nothing")).catch(() => {});
      } else {
        const { served } = await this.#scout(feed, askLeader(false));
        if (served !== undefined) return served;
      }
      plan = this.#plan(feed) ?? {};
    }
    if (route(plan, asker.from, asker.client).length === 0) {
      // The leader may have made a plan since: it then sends those on who would be too many for it.
      const { served } = await askLeader(false);
      if (served !== undefined) return served;
      plan = this.#plan(feed) ?? {};
    }
    for (const replica of route(plan, asker.from, asker.client)) {
      const object = replicas.getByName(objectName(feed, replica), { locationHint: replica.region });
      try {
        const { served } = await ask({ object, region, isLast: false });
        if (served !== undefined) return served;
      } catch {
        // Another may be there.
      }
    }
    return (await askLeader(true)).served;
  }

  /** Has others wait until the leader has answered. */
  async #scout<T>(feed: string, asking: Promise<Answer<T>>): Promise<Answer<T>> {
    const done = asking.then(
      () => {},
      () => {},
    );
    const scout = { done, since: Date.now() };
    this.#scouts.set(feed, scout);
    try {
      return await asking;
    } finally {
      if (this.#scouts.get(feed) === scout) this.#scouts.delete(feed);
    }
  }

  #plan(feed: string): Plan | undefined {
    const known = this.#known.get(feed);
    return known && known.until > Date.now() ? known.plan : undefined;
  }

  #keep(feed: string, plan: Plan): void {
    this.#known.delete(feed);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MANY) break;
      this.#known.delete(oldest);
    }
    this.#known.set(feed, { plan, until: Date.now() + KEPT });
  }
}
