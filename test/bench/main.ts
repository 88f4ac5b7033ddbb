import { writeFile } from "node:fs/promises";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import { Lab } from "./lab.ts";
import { formatTable, summarize, type ScenarioReport } from "./report.ts";
import type { Figures, Scenario } from "./scenario.ts";
import { fanout } from "./scenarios/fanout.ts";
import { publish } from "./scenarios/publish.ts";
import { rows } from "./scenarios/rows.ts";
import { wake } from "./scenarios/wake.ts";

const SCENARIOS: readonly Scenario[] = [wake, rows, publish, fanout];
const USAGE = `npm run bench -- [scenario ...] [--runs N] [--seconds N] [--cases TEXT] [--json FILE]

${SCENARIOS.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join("\n")}

  --runs N      times that each case is measured; the table shows the median (3)
  --seconds N   how long a timed case publishes (3)
  --cases TEXT  only the cases whose name contains this
  --json FILE   also writes every value to this file
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    cases: { type: "string", default: "" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const chosen = positionals.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => positionals.includes(name));
const unknown = positionals.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (values.help || unknown.length > 0 || !(runs >= 1 && runs <= 100) || !(seconds > 0 && seconds <= 60)) {
  process.stderr.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

const lab = new Lab(seconds);
let isInterrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isInterrupted = true;
    // Whatever is being measured fails by this, and what it has begun is closed below.
    void lab.close();
  });
}
try {
  const scenarios: ScenarioReport[] = [];
  for (const scenario of chosen) scenarios.push(await measure(scenario));
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, kernel: release(), node: process.version };
  const report = { date: new Date().toISOString(), machine, runs, seconds, scenarios };
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
} catch (error) {
  if (!isInterrupted) throw error;
  process.exitCode = 1;
} finally {
  await lab.close();
}

async function measure(scenario: Scenario): Promise<ScenarioReport> {
  note(`${scenario.name}: preparing`);
  const cases = (await scenario.prepare(lab)).filter(({ name }) => name.includes(values.cases));
  const results = new Map<string, Figures[]>(cases.map(({ name }) => [name, []]));
  // Run by run, not case by case: whatever else the machine does for a while then touches all cases alike.
  for (let run = 1; run <= runs; run++) {
    for (const { name, run: measureOnce } of cases) {
      if (isInterrupted) throw new Error("interrupted");
      note(`${scenario.name}: run ${run} of ${runs}: ${name}`);
      results.get(name)?.push(await measureOnce());
    }
  }
  note("");
  const report = {
    scenario: scenario.name,
    about: scenario.about,
    cases: [...results].map(([name, figures]) => summarize(name, figures)),
  };
  process.stdout.write(`\n${scenario.name}: ${scenario.about}\n\n${formatTable(report)}\n`);
  return report;
}

/** Shows what is going on, on one line where somebody watches. */
function note(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}
