// `npm run mutants [-- --list] [-- --only TEXT]`: plants each break of `breaks/` in a copy of the checkout, runs the tests
// that should catch it, and says whether they do. Its exit code is 1 if a break survives. TEXT is in the name or the file
// of a break; there may be several.
import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { copyCheckout } from "../e2e/support/checkout.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";

const root = join(import.meta.dirname, "../..");
/** Milliseconds that a test, and all tests of one mutant, may take: a break may make them wait for ever. */
const TEST_TIME = 20_000;
const RUN_TIME = 180_000;

/** `broken`: no test failed, but their files could not be run. Then the break says nothing about the tests. */
type Verdict = "caught" | "SURVIVED" | "BROKEN";

/** What is needed of the report of vitest. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly assertionResults: readonly Result[] }[];
}

interface Result {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages: readonly string[];
}

interface Outcome {
  readonly verdict: Verdict;
  /** Which test has caught it, or what was printed if none did. */
  readonly detail: string;
}

async function run(folder: string, mutant: Mutant): Promise<Outcome> {
  const path = join(folder, mutant.file);
  const text = await readFile(path, "utf8");
  await writeFile(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  try {
    return await judge(folder, mutant);
  } finally {
    await writeFile(path, text);
  }
}

async function judge(folder: string, { project, tests }: Mutant): Promise<Outcome> {
  const report = join(folder, "report.json");
  await rm(report, { force: true });
  const options = ["--bail=1", `--testTimeout=${TEST_TIME}`, "--reporter=json", `--outputFile=${report}`];
  const words = ["node_modules/vitest/vitest.mjs", "run", "--project", project, ...options, ...tests];
  const child = spawn(join(root, "node_modules/.bin/node"), words, { cwd: folder, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => void (output = (output + data.toString()).slice(-10_000)));
  let isTooLong = false;
  // Its group, with the runtimes that it has started.
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(() => {
    isTooLong = true;
    end();
  }, RUN_TIME);
  process.once("exit", end);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  process.off("exit", end);
  if (isTooLong) return { verdict: "caught", detail: `no test ended in ${RUN_TIME / 1000} s` };
  const counts = await readFile(report, "utf8").then(
    (text): Report => JSON.parse(text),
    (): Report => ({ numPassedTests: 0, numFailedTests: 0, testResults: [] }),
  );
  const results = counts.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = results.find(({ status }) => status === "failed");
  // A test that only took too long may have met a busy machine.
  const isLate = failed?.failureMessages.every((message) => message.includes("timed out")) === true;
  if (failed) return { verdict: "caught", detail: `${failed.fullName}${isLate ? ": TIMED OUT" : ""}` };
  return { verdict: code === 0 && counts.numPassedTests > 0 ? "SURVIVED" : "BROKEN", detail: output };
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { list: { type: "boolean" }, only: { type: "string", multiple: true } } });
  const { list = false, only = [""] } = values;
  const chosen = MUTANTS.filter(({ name, file }) => only.some((text) => name.includes(text) || file.includes(text)));
  if (list) {
    for (const { name, file } of chosen) console.log(`${name}  (${file})`);
    return 0;
  }
  const waiting = [...chosen];
  let survived = 0;
  const work = async (): Promise<void> => {
    const folder = await copyCheckout(true);
    try {
      await mkdir(join(folder, "public/assets"), { recursive: true });
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
        const began = performance.now();
        const { verdict, detail } = await run(folder, mutant);
        const seconds = ((performance.now() - began) / 1000).toFixed(0);
        console.log(`${verdict.padEnd(9)} ${mutant.name}  (${mutant.file}, ${seconds} s)`);
        if (verdict === "caught") console.log(`          ${detail}`);
        else survived++;
        if (verdict === "BROKEN") console.log(detail);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), chosen.length) }, work));
  console.log(`\n${chosen.length - survived} of ${chosen.length} caught`);
  return survived > 0 || chosen.length === 0 ? 1 : 0;
}

// What runs ends with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();
