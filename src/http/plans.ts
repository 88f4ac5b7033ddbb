import { inTime } from "../limits/in-time.ts";
import type { Plan } from "../placement/plan.ts";
import type { Whereabouts } from "../placement/regions.ts";
import { objectName, route, type ReplicaName } from "../placement/route.ts";
import type { Deployment } from "./deployment.ts";

/** Milliseconds for which a plan is taken to hold. */
const KEPT = 5_000;
/** Plans kept at a time. */
const MANY = 10_000;
/** Milliseconds after which nobody waits for a scout any more: it may have long to wait itself, or be gone. */
const SCOUT_TIME = 1_000;
/** Milliseconds after which those who wait for a scout look again: requests to a Worker cannot wake one another. */
const LOOK_AGAIN = 5;
/** Milliseconds after which a leader that has replicas counts as down. */
const LEADER_TIME = 5_000;

/** What one of a feed's objects answers. `served` is undefined if it cannot serve the request, and another may. */
export interface Answer<T> {
  readonly served: T | undefined;
  /** The leader's plan; undefined if it has not told. */
  readonly plan?: Plan | undefined;
}

/** Who asks, and from where. */
export interface Asker {
  /** Asked only where there are replicas: to have the platform tell costs some. */
  from(): Whereabouts | undefined;
  readonly client: string;
}

/** A feed's object that is asked. `isLast`: there is no other, so that it should serve if it can. */
export interface AskedObject {
  readonly object:
    | ReturnType<Deployment["feeds"]["getByName"]>
    | ReturnType<NonNullable<Deployment["replicas"]>["getByName"]>;
  readonly isLast: boolean;
}

const NOT_SERVED: Answer<never> = { served: undefined };

/**
 * Which of a feed's objects serve its readers. Small feeds have only the leader, and are not asked for a plan: the leader
 * sends it with its answers once there is one. While nothing is known of a feed, one request goes ahead, and those that
 * come meanwhile wait a little for what it learns; or go by the plan before, if there was one.
 */
export class Plans {
  readonly #deployment: Pick<Deployment, "feeds" | "replicas">;
  /** The plan of each feed, and until when it holds. Oldest first. */
  readonly #known = new Map<string, { readonly plan: Plan | undefined; readonly until: number }>();
  /** Since when a request asks for a feed's plan, as the first one. If its client goes away, it never says that it is over. */
  readonly #scouts = new Map<string, { readonly since: number }>();

  constructor(deployment: Pick<Deployment, "feeds" | "replicas">) {
    this.#deployment = deployment;
  }

  /** Has an object of a feed serve a request. Rejects as the leader does, if that is asked and fails. */
  async serve<T>(feed: string, asker: Asker, ask: (asked: AskedObject) => Promise<Answer<T>>): Promise<T | undefined> {
    const { feeds, replicas } = this.#deployment;
    const leader = feeds.getByName(feed);
    if (!replicas) return (await ask({ object: leader, isLast: true })).served;
    const choose = (): ReplicaName[] => {
      const plan = this.#plan(feed);
      return plan ? route(plan, asker.from(), asker.client) : [];
    };
    const askLeader = (isLast: boolean): Promise<Answer<T>> => {
      const asking = ask({ object: leader, isLast }).then((answer) => {
        if (answer.plan) this.#keep(feed, answer.plan);
        return answer;
      });
      return choose().length === 0
        ? asking
        : inTime(asking, LEADER_TIME, () => new Error("the leader does not answer"));
    };
    let hasAsked = false;
    if (!this.#isKnown(feed)) {
      const scout = this.#scouts.get(feed);
      if (!scout || isLate(scout)) {
        hasAsked = true;
        const { served } = await this.#scout(feed, askLeader(false)).catch((error: unknown) => {
          // While the leader is down, the replicas of the plan before go on serving.
          if (choose().length > 0) return NOT_SERVED;
          throw error;
        });
        if (served !== undefined) return served;
      } else if (!this.#known.has(feed)) await this.#endOf(feed, scout);
    }
    let chosen = choose();
    if (chosen.length === 0) {
      // The leader may have made a plan since: it then sends those on who would be too many for it.
      const { served } = hasAsked ? NOT_SERVED : await askLeader(false);
      if (served !== undefined) return served;
      chosen = choose();
      // It would answer the same again.
      if (chosen.length === 0) return undefined;
    }
    for (const replica of chosen) {
      const object = replicas.getByName(objectName(feed, replica), { locationHint: replica.region });
      try {
        const { served } = await ask({ object, isLast: false });
        if (served !== undefined) return served;
      } catch {
        // Another may be there.
      }
    }
    return (await askLeader(true)).served;
  }

  /** Has others wait until the leader has answered. */
  async #scout<T>(feed: string, asking: Promise<Answer<T>>): Promise<Answer<T>> {
    // Those whose clients have gone away are left behind.
    if (this.#scouts.size >= MANY) this.#scouts.clear();
    const scout = { since: Date.now() };
    this.#scouts.set(feed, scout);
    try {
      return await asking;
    } finally {
      if (this.#scouts.get(feed) === scout) this.#scouts.delete(feed);
    }
  }

  async #endOf(feed: string, scout: { readonly since: number }): Promise<void> {
    while (this.#scouts.get(feed) === scout && !isLate(scout))
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }

  /** Whether the plan holds. */
  #isKnown(feed: string): boolean {
    return (this.#known.get(feed)?.until ?? 0) > Date.now();
  }

  /** The plan that was told last; undefined if it has no replicas. */
  #plan(feed: string): Plan | undefined {
    return this.#known.get(feed)?.plan;
  }

  #keep(feed: string, plan: Plan): void {
    this.#known.delete(feed);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < MANY) break;
      this.#known.delete(oldest);
    }
    const hasReplicas = Object.keys(plan).length > 0;
    this.#known.set(feed, { plan: hasReplicas ? plan : undefined, until: Date.now() + KEPT });
  }
}

function isLate({ since }: { readonly since: number }): boolean {
  return Date.now() - since >= SCOUT_TIME;
}
