import { parseArgs } from "node:util";
import { formatOutcome } from "./report.ts";
import { simulate } from "./simulation.ts";

const USAGE = `npm run simulate -- [--seed N] [--subscribers N] [--replicas N] [--minutes N]

  --seed         what is left to chance comes from it: the same seed, the same figures (1)
  --subscribers  how many come, in the first fifth of the time (1,000,000)
  --replicas     how many the plan may have (40)
  --minutes      for how long 20 updates a second are published; then all leave (10)
`;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    subscribers: { type: "string", default: "1000000" },
    replicas: { type: "string", default: "40" },
    minutes: { type: "string", default: "10" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

function number(name: "seed" | "subscribers" | "replicas" | "minutes"): number {
  const value = Number(values[name]);
  if (value > 0) return value;
  console.error(`--${name} is not a number above 0\n\n${USAGE}`);
  return process.exit(2);
}

/** Bytes of all that is in memory. */
function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const setup = {
  seed: number("seed"),
  subscribers: number("subscribers"),
  replicas: number("replicas"),
  minutes: number("minutes"),
  rate: 20,
  keys: 1_000,
  hasTrouble: true,
};
const begun = performance.now();
const before = heap();
let grown = 0;
let told = 0;
const outcome = await simulate({
  ...setup,
  allThere: () => (grown = heap() - before),
  progress: ({ at, subscribers, planned }) => {
    if (performance.now() - told < 10_000) return;
    told = performance.now();
    process.stderr.write(`${Math.round(at)} s: ${subscribers} subscribers, ${planned} replicas in the plan\n`);
  },
});
console.log(formatOutcome(setup, outcome, grown));
console.log(`It took ${Math.round((performance.now() - begun) / 1000)} s.`);
if (outcome.faults.length > 0) process.exitCode = 1;
