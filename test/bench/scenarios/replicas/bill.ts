import type { Lab } from "../../lab.ts";
import type { PlanOfMany } from "../../apart/counts.ts";
import type { Case, Figures, Scenario } from "../../scenario.ts";
import { Apart } from "../../targets/apart.ts";
import { underLoad, type ApartMeasured } from "./load.ts";

const RATES = [1, 20, 500];
const VIEWERS = 1_000_000;
const REPLICAS = 4;
const SUBSCRIBERS = 200;
/** So long that what the leader does each 15 s is in it. */
const SECONDS = 30;
/** Dollars for one, as docs/cost.md has them, and GB of an object that is awake. */
const PRICE = { workerRequest: 0.3e-6, request: 0.15e-6, gigabyteSecond: 12.5e-6, row: 1e-6 };
const GIGABYTES = 0.128;
/** Our client says so often that it reads, and so many messages from clients are billed as one request. */
const [ACK_BYTES, MESSAGES_A_REQUEST] = [256 * 1024, 20];
const HOUR = 3_600;

export const bill: Scenario = {
  name: "replicas",
  about: `requests and rows, counted with ${REPLICAS} replicas, and what ${VIEWERS.toLocaleString("en-US")} viewers then cost an hour, in $`,
  mostRuns: 1,
  async prepare(lab) {
    return RATES.map((rate): Case => ({ name: `bill, ${rate}/s`, run: () => measure(lab, rate) }));
  },
};

async function measure(lab: Lab, rate: number): Promise<Figures> {
  const plan = await planOf(lab, rate);
  const load = { replicas: REPLICAS, rate, direct: 0, distant: SUBSCRIBERS, seconds: SECONDS };
  const measured = await underLoad(lab, load);
  const { published, seconds, counts } = measured;
  const pushes = counts.replicas.requests("deliver") / REPLICAS / seconds;
  const posts = published.posts / seconds;
  const rows = (counts.leader.rowsBySql + counts.leader.otherRows) / seconds;
  const dollars = {
    "$ pushes": pushes * plan.replicas * HOUR * PRICE.request,
    "$ objects": (plan.replicas + 1) * GIGABYTES * HOUR * PRICE.gigabyteSecond,
    "$ acks": (bytesOfOne(measured) / ACK_BYTES / MESSAGES_A_REQUEST) * VIEWERS * HOUR * PRICE.request,
    "$ publishing": (posts * (PRICE.workerRequest + PRICE.request) + rows * PRICE.row) * HOUR,
  };
  return {
    "pushes/s each": pushes,
    "rows/1,000 POSTs": (1_000 * counts.leader.rowsBySql) / published.posts,
    "rows/min for replicas": (60 * counts.leader.otherRows) / seconds,
    "rows at replicas": counts.replicas.rowsBySql + counts.replicas.otherRows,
    replicas: plan.replicas,
    "window ms": plan.window,
    ...dollars,
    "$ an hour": Object.values(dollars).reduce((sum, part) => sum + part, 0),
  };
}

/** Bytes a second that one subscriber gets. */
function bytesOfOne({ distant, seconds }: ApartMeasured): number {
  return (distant?.bytes ?? NaN) / SUBSCRIBERS / seconds;
}

/** What the planner makes of so many viewers. */
async function planOf(lab: Lab, rate: number): Promise<PlanOfMany> {
  const apart = await Apart.start(lab, { replicas: 0 });
  try {
    return await apart.planOf(VIEWERS, rate);
  } finally {
    await apart.stop();
  }
}
