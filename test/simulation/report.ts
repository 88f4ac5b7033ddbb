import { encodePlan } from "../../src/placement/plan-text.ts";
import { placesOf } from "../../src/placement/plan.ts";
import type { Delays } from "./delays.ts";
import type { Outcome, Sample, Setup } from "./outcome.ts";

/** What a simulation has shown, in Markdown. `grown`: bytes of the heap with all subscribers, without what was there before. */
export function formatOutcome(setup: Setup, outcome: Outcome, grown: number): string {
  const { policy, delays, calls, faults } = outcome;
  const objects = setup.replicas + 1;
  const places = placesOf(policy, setup.rate);
  return [
    `${whole(setup.subscribers)} subscribers, at most ${setup.replicas} replicas of ${whole(policy.sockets)} places, ` +
      `${setup.rate} updates a second for ${setup.minutes} minutes, seed ${setup.seed}`,
    "",
    table([
      ["what", "measured"],
      ["converged: the last has the last update after", `${whole(outcome.converged)} ms`],
      ["messages to subscribers", whole(outcome.messages)],
      [
        "calls at the leader a second: pushes, questions, reports",
        [calls.push, calls.follow, calls.report].map(tenth).join(", "),
      ],
      ["the leader's thread, by the work counted", percent(outcome.leaderBusy)],
      ["the busiest thread", percent(outcome.busiest)],
      ["subscribers on the leader, most on a replica", `${whole(outcome.onLeader)}, ${whole(outcome.most)}`],
      ["subscribers that one object may have at that rate within the window", whole(places)],
      ["refused, and came again", whole(outcome.refusals)],
      ["from the first request to the snapshot: p50, p99, worst", line(outcome.joins)],
      [
        "heap, measured: a subscriber, an object",
        `${whole(grown / setup.subscribers)} B, ${(grown / objects / 1e6).toFixed(1)} MB`,
      ],
      ["the plan is empty again after", `${whole(outcome.shrunkAfter)} minutes`],
      ["faults", faults.length === 0 ? "none" : faults.join("; ")],
    ]),
    "",
    "Delay from commit to subscriber, each update at each subscriber:",
    "",
    table([
      ["when", "served by", "updates x subscribers", "p50 ms", "p99 ms", "worst ms"],
      ...delays.map(({ phase, objects, delays }) => [
        phase,
        objects,
        whole(delays.count),
        whole(delays.below(0.5)),
        whole(delays.below(0.99)),
        whole(delays.most),
      ]),
    ]),
    "",
    "The plan over time:",
    "",
    table([
      ["s", "subscribers", "on the leader", "in the plan", "with subscribers", "links", "calls/s", "plan"],
      ...chosen(outcome.samples).map((sample) => [
        whole(sample.at),
        whole(sample.subscribers),
        whole(sample.onLeader),
        whole(sample.planned),
        whole(sample.used),
        whole(sample.links),
        whole(sample.calls),
        encodePlan(sample.plan),
      ]),
    ]),
  ].join("\n");
}

/** Those after which the plan or the number of subscribers is another, and not too many. */
function chosen(samples: readonly Sample[]): Sample[] {
  const found: Sample[] = [];
  for (const sample of samples) {
    const last = found.at(-1);
    const isOther = last?.planned !== sample.planned;
    const isFar = !last || Math.abs(sample.subscribers - last.subscribers) * 5 > Math.max(last.subscribers, 100);
    if (isOther || isFar) found.push(sample);
  }
  return found;
}

function line(delays: Delays): string {
  return `${whole(delays.below(0.5))}, ${whole(delays.below(0.99))}, ${whole(delays.most)} ms`;
}

function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows;
  return [head, head.map(() => "---"), ...rest].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function tenth(value: number): string {
  return value.toFixed(1);
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}
