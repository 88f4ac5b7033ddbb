import type { Plan } from "../../src/placement/plan.ts";
import type { ReplicaPolicy } from "../../src/placement/replica-policy.ts";
import { Delays } from "./delays.ts";
import type { Deliveries, Phase, Records } from "./records.ts";
import { PEOPLE } from "./world.ts";

export interface Setup {
  readonly seed: number;
  readonly subscribers: number;
  /** At most. */
  readonly replicas: number;
  /** Minutes in which the feed is published to at the full rate: in the first fifth of them, all subscribers come. */
  readonly minutes: number;
  /** Updates a second. */
  readonly rate: number;
  readonly keys: number;
  /** Whether links lose calls, and one is cut and one is slow for a time. */
  readonly hasTrouble: boolean;
  /** Told now and then how it goes. */
  readonly progress?: (sample: Sample) => void;
  /** Called when all are there. */
  readonly allThere?: () => void;
}

/** How it is at one moment. */
export interface Sample {
  /** Seconds since the first came. */
  readonly at: number;
  readonly subscribers: number;
  readonly onLeader: number;
  /** Replicas of the plan; those that have subscribers; and those with a link. */
  readonly planned: number;
  readonly used: number;
  readonly links: number;
  /** Pushes, questions and reports a second since the sample before. */
  readonly calls: number;
  /** Milliseconds, since the sample before, at objects without trouble. */
  readonly worst: number;
  readonly plan: Plan;
}

/** Delays from commit to subscribers of some objects in one phase. */
export interface DelayLine {
  readonly phase: Phase;
  readonly objects: string;
  readonly delays: Delays;
}

export interface Outcome {
  readonly policy: ReplicaPolicy;
  readonly samples: readonly Sample[];
  readonly delays: readonly DelayLine[];
  readonly joins: Delays;
  readonly messages: number;
  readonly events: number;
  /** Times that somebody was refused, and came again. */
  readonly refusals: number;
  /** Milliseconds from the last commit until the last subscriber had it. */
  readonly converged: number;
  /** Calls to or by the leader while all are there, a second: by kind. */
  readonly calls: Readonly<Records["calls"]>;
  /** Of its thread, in that time, by the work counted. */
  readonly leaderBusy: number;
  readonly busiest: number;
  /** Subscribers of one object, in the end of that time. */
  readonly most: number;
  readonly onLeader: number;
  /** Minutes from when all had left until the plan was empty again. */
  readonly shrunkAfter: number;
  readonly faults: readonly string[];
}

/** Where a plan has lost replicas otherwise than one of a region at a time, and not soon after another. */
export function* planFaults(plans: readonly { at: number; plan: Plan }[], shrinkAfter: number): Generator<string> {
  const lostAt = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const { at, plan } of plans) {
    for (const { region } of PEOPLE) {
      const [had, has] = [counts.get(region) ?? 0, plan[region] ?? 0];
      if (has < had) {
        const since = at - (lostAt.get(region) ?? -Infinity);
        if (has < had - 1 || since < shrinkAfter)
          yield `after ${Math.round(at / 1000)} s the plan of ${region} goes from ${had} to ${has}`;
        lostAt.set(region, at);
      }
      counts.set(region, has);
    }
  }
}

/** The delays of the leader, of all replicas without trouble together, and of each with trouble. */
export function delayLines(
  leader: Deliveries,
  replicas: Iterable<{ readonly deliveries: Deliveries }>,
): readonly DelayLine[] {
  const lines = new Map<string, DelayLine>();
  const add = (objects: string, { delays }: Deliveries): void => {
    for (const [phase, some] of delays) {
      const name = `${phase} ${objects}`;
      const line = lines.get(name) ?? { phase, objects, delays: new Delays() };
      line.delays.addAll(some);
      lines.set(name, line);
    }
  };
  add("the leader", leader);
  for (const { deliveries } of replicas) add(deliveries.trouble ?? "replicas", deliveries);
  return [...lines.values()];
}
