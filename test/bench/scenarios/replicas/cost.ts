import type { Lab } from "../../lab.ts";
import type { Case, Figures, Scenario } from "../../scenario.ts";
import { underLoad } from "./load.ts";

const RATES = [20, 500];
/** How many replicas there are, and how many subscribers they serve together. */
const GROWN: readonly [replicas: number, subscribers: number][] = [
  [0, 0],
  [1, 400],
  [4, 400],
  [16, 400],
  [4, 40],
  [4, 1_200],
];

export const cost: Scenario = {
  name: "replicas",
  about: "what the processes of a leader and of its replicas spend on an update; all subscribers are at replicas",
  async prepare(lab) {
    return RATES.flatMap((rate) =>
      GROWN.map(([replicas, subscribers]): Case => ({
        name: `cost, ${rate}/s, ${replicas} replicas, ${subscribers.toLocaleString("en-US")} subscribers`,
        run: () => measure(lab, rate, replicas, subscribers),
      })),
    );
  },
};

async function measure(lab: Lab, rate: number, replicas: number, subscribers: number): Promise<Figures> {
  const load = { replicas, rate, direct: 0, distant: subscribers, seconds: 2 * lab.seconds };
  const { published, distant, leaderCpu, replicaCpu, seconds, counts } = await underLoad(lab, load);
  const pushes = counts.replicas.requests("deliver");
  return {
    "pushes/update": pushes / published.posts,
    "pushes/s each": pushes / replicas / seconds,
    "leader CPU us/update": (leaderCpu * 1e6) / published.posts,
    "leader CPU %": (100 * leaderCpu) / seconds,
    "replicas CPU us/frame": (replicaCpu * 1e6) / (distant?.messages ?? NaN),
    "in time %": 100 * (distant?.samples.inTime ?? NaN),
    "requests at leader": counts.leader.requests("report") + counts.leader.requests("follow"),
  };
}
