import type { Lab } from "../../lab.ts";
import type { Case, Figures, Scenario } from "../../scenario.ts";
import { underLoad } from "./load.ts";

const RATES = [20, 500];
const REPLICAS = 4;
/** So few are sent to at once; more are sent to on the flush timer. */
const SUBSCRIBERS_EACH = [10, 100];

export const delay: Scenario = {
  name: "replicas",
  about: `what the way over ${REPLICAS} replicas adds to the latency, beside as many subscribers of the leader's own; in ms`,
  async prepare(lab) {
    return RATES.flatMap((rate) =>
      SUBSCRIBERS_EACH.map((each): Case => ({
        name: `delay, ${rate}/s, ${each} subscribers on each object`,
        run: () => measure(lab, rate, each),
      })),
    );
  },
};

async function measure(lab: Lab, rate: number, each: number): Promise<Figures> {
  const load = { replicas: REPLICAS, rate, direct: each, distant: REPLICAS * each, seconds: 2 * lab.seconds };
  const { direct, distant, leaderCpu, replicaCpu, seconds, published } = await underLoad(lab, load);
  if (!direct || !distant) throw new Error("nobody subscribed");
  const [near, far] = [direct.samples, distant.samples];
  if (direct.updates !== published.posts * each) throw new Error("the leader's subscribers missed updates");
  if (distant.updates !== published.posts * REPLICAS * each)
    throw new Error("the replicas' subscribers missed updates");
  return {
    "direct p50": near.p50,
    "direct p99": near.p99,
    "replicas p50": far.p50,
    "replicas p99": far.p99,
    "added p50": far.p50 - near.p50,
    "added p99": far.p99 - near.p99,
    "leader CPU %": (100 * leaderCpu) / seconds,
    "replicas CPU %": (100 * replicaCpu) / seconds,
  };
}
