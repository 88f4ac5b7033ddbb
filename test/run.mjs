// `npm test [-- arguments of vitest]`: installs what is missing, runs the tests, and ends with one plain line of counts.
// Runs on a fresh machine: any Node from 20 on, with no packages.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, pinnedNode, runToEnd } from "../src/demo/install.mjs";

const BROWSERS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * Whether tests of any project but these are among what these arguments of vitest ask for.
 * @param {string[]} args
 * @param {string[]} others
 */
function asksForMoreThan(args, ...others) {
  const projects = args.flatMap((arg, index) => {
    if (arg === "--project") return args.slice(index + 1, index + 2);
    return arg.startsWith("--project=") ? [arg.slice("--project=".length)] : [];
  });
  // A pattern ("e*", "!node") is taken to ask for more: to install too much does no harm.
  return projects.length === 0 || projects.some((name) => !others.includes(name));
}

/** The first browser here that starts, if any. A distribution may put a mere hint to install one in its place. */
function findBrowser() {
  const given = process.env["CHROMIUM_PATH"];
  // One that was chosen is not silently replaced by another.
  if (given) {
    if (starts(given)) return given;
    throw new Error(`CHROMIUM_PATH names no browser that starts: ${given}`);
  }
  return BROWSERS.find((path) => existsSync(path) && starts(path));
}

/** @param {string} browser */
function starts(browser) {
  return spawnSync(browser, ["--version"], { timeout: 30_000 }).status === 0;
}

/**
 * What `find` finds, installing a package of that name first where apt can. Throws an `Error` that says what to install.
 * @template T
 * @param {() => T | undefined} find
 * @param {string} name
 * @param {string} help
 */
async function ensure(find, name, help) {
  const found = find();
  if (found !== undefined) return found;
  if (spawnSync("apt-get", ["--version"]).status !== 0) throw new Error(help);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && spawnSync("sudo", ["-n", "true"]).status !== 0) {
    throw new Error(`${help} (e.g. sudo apt-get install ${name})`);
  }
  console.log(`Installing ${name} for the tests.`);
  const env = ["env", "DEBIAN_FRONTEND=noninteractive"];
  for (const action of [["update"], ["install", "-y", "--no-install-recommends", name]]) {
    const [command = "", ...args] = [...(isRoot ? [] : ["sudo", "-n"]), ...env, "apt-get", ...action];
    // A failed update is told by apt itself, and the lists from before may do.
    const code = await runToEnd(command, args);
    if (code !== 0 && action[0] === "install") throw new Error(`apt-get failed with exit code ${code}; ${help}`);
  }
  const installed = find();
  if (installed === undefined) throw new Error(help);
  return installed;
}

/** The Python here, if it is new enough for the publisher in Python. */
function findPython() {
  const isNew = ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"];
  return spawnSync("python3", isNew).status === 0 ? "python3" : undefined;
}

/**
 * The counts of vitest's JSON report; all 0 where it wrote none. A file that failed before it could name its tests counts
 * as one failed test, or its failure would not show.
 * @param {string} file
 */
function readCounts(file) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (!existsSync(file)) return counts;
  /** @type {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  const report = JSON.parse(readFileSync(file, "utf8"));
  for (const { status, assertionResults } of report.testResults) {
    for (const test of assertionResults) {
      if (test.status === "passed" || test.status === "failed") counts[test.status]++;
      else counts.skipped++;
    }
    if (status === "failed" && !assertionResults.some((test) => test.status === "failed")) counts.failed++;
  }
  return counts;
}

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
async function test(args) {
  await install();
  if ((await runToEnd(pinnedNode, ["src/build/build.ts"])) !== 0) throw new Error("the page could not be built");
  const env = { ...process.env };
  if (asksForMoreThan(args, "workerd", "replicas")) {
    await ensure(findPython, "python3", "the publisher in Python needs Python 3.9 or newer: install it");
  }
  if (asksForMoreThan(args, "workerd", "replicas", "node")) {
    const help = "browser tests need Chromium or Chrome: install one, or name it by CHROMIUM_PATH";
    env["CHROMIUM_PATH"] = await ensure(findBrowser, "chromium", help);
  }
  const folder = mkdtempSync(join(tmpdir(), "tickertape-test-"));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  let code;
  let counts;
  try {
    code = await runToEnd(pinnedNode, ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...args], env);
    counts = readCounts(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const { passed, failed, skipped } = counts;
  if (passed + failed === 0) console.error("No test was run.");
  else if (code !== 0 && failed === 0)
    console.error(`vitest ended with exit code ${code} for a reason other than a test.`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return code || (passed + failed === 0 || failed > 0 ? 1 : 0);
}

try {
  process.exitCode = await test(process.argv.slice(2));
} catch (error) {
  console.error(`npm test: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
