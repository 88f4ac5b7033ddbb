import { writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { answerGoals, GOAL_PLAN } from "./answers.ts";
import { Lab } from "./lab.ts";
import { formatGoals, formatTable, summarize, withRatios, type ScenarioReport } from "./report.ts";
import type { Case, Figures, Scenario } from "./scenario.ts";
import { fanout, growth, keys } from "./scenarios/fanout.ts";
import { ingest } from "./scenarios/ingest.ts";
import { idle } from "./scenarios/idle.ts";
import { memory } from "./scenarios/memory.ts";
import { profile } from "./scenarios/profile.ts";
import { overload } from "./scenarios/overload.ts";
import { bill } from "./scenarios/replicas/bill.ts";
import { cost } from "./scenarios/replicas/cost.ts";
import { delay } from "./scenarios/replicas/delay.ts";
import { starting, stormOfReplicas } from "./scenarios/replicas/starting.ts";
import { waking } from "./scenarios/replicas/waking.ts";
import { publish } from "./scenarios/publish.ts";
import { rows } from "./scenarios/rows.ts";
import { slow } from "./scenarios/slow.ts";
import { storm } from "./scenarios/storm.ts";
import { wake } from "./scenarios/wake.ts";
import { wire } from "./scenarios/wire.ts";
import { worst } from "./scenarios/worst.ts";

const SCENARIOS: readonly Scenario[] = [
  wake,
  rows,
  publish,
  fanout,
  ingest,
  overload,
  keys,
  storm,
  idle,
  growth,
  slow,
  wire,
  profile,
  worst,
  memory,
  // One name for all that is asked of replicas.
  cost,
  delay,
  waking,
  starting,
  stormOfReplicas,
  bill,
];
/** Not a scenario: the table of goals, which is read from the scenarios. */
const GOALS = "goals";
const USAGE = `npm run bench -- [scenario ...] [--runs N] [--seconds N] [--flood N] [--cases TEXT] [--json FILE]

${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join("\n")}
  ${GOALS.padEnd(10)} of all these, what the table of goals is read from, and that table

  --runs N      times that each case is measured; the table shows the median (3)
  --seconds N   how long a timed case publishes (3)
  --flood N     how long a reader is stuck, in seconds (60)
  --cases TEXT  only the cases whose name contains this
  --json FILE   also writes every value to this file
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    flood: { type: "string", default: "60" },
    cases: { type: "string", default: "" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const flood = Number(values.flood);
const isKnown = (name: string): boolean => name === GOALS || SCENARIOS.some((scenario) => scenario.name === name);
const isWithin = (value: number, most: number): boolean => value > 0 && value <= most;
const isSound = positionals.every(isKnown) && runs >= 1 && isWithin(runs, 100) && isWithin(seconds, 60);
if (values.help || !isSound || !isWithin(flood, 600)) {
  process.stderr.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

/** The scenarios to measure, each with a text that the names of its cases must contain. */
const plan = SCENARIOS.flatMap((scenario): { scenario: Scenario; cases: string }[] => {
  if (positionals.length === 0 || positionals.includes(scenario.name)) return [{ scenario, cases: values.cases }];
  const part = positionals.includes(GOALS) ? GOAL_PLAN.find((part) => part.scenario === scenario.name) : undefined;
  return part ? [{ scenario, cases: part.cases }] : [];
});

const lab = new Lab(seconds, flood);
let isInterrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    // This fails the running measurement, and what that has started is closed below.
    void lab.close();
  });
}
try {
  const scenarios: ScenarioReport[] = [];
  for (const { scenario, cases } of plan) scenarios.push(await measure(scenario, cases));
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version };
  const goals = positionals.length === 0 || positionals.includes(GOALS) ? answerGoals(scenarios) : undefined;
  if (goals) process.stdout.write(`\n${formatGoals(goals)}\n`);
  const report = { date: new Date().toISOString(), machine, runs, seconds, flood, scenarios, goals };
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
} catch (error) {
  if (!isInterrupted) throw error;
} finally {
  await lab.close();
}

async function measure(scenario: Scenario, containing: string): Promise<ScenarioReport> {
  note(`${scenario.name}: preparing`);
  const cases = (await scenario.prepare(lab)).filter(({ name }) => name.includes(containing));
  const results = new Map<string, Figures[]>(cases.map(({ name }) => [name, []]));
  const rounds = Math.min(runs, scenario.mostRuns ?? runs);
  // Run by run, not case by case: a disturbance of the machine then hits all cases alike.
  for (let run = 1; run <= rounds; run++) {
    const round = new Map<Case, Figures>();
    for (const measured of cases) {
      if (isInterrupted) throw new Error("interrupted");
      note(`${scenario.name}: run ${run} of ${rounds}: ${measured.name}`);
      round.set(measured, await measured.run());
    }
    for (const [{ name }, figures] of withRatios(round)) results.get(name)?.push(figures);
  }
  note("");
  if (cases.length === 0) return { scenario: scenario.name, about: scenario.about, cases: [] };
  const report = {
    scenario: scenario.name,
    about: scenario.about,
    cases: [...results].map(([name, figures]) => summarize(name, figures)),
  };
  process.stdout.write(`\n${scenario.name}: ${scenario.about}\n\n${formatTable(report)}\n`);
  return report;
}

/** Shows the progress, on one line in a terminal. */
function note(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}
