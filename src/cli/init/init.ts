import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { copyAssets } from "../assets.ts";
import { EXIT, Failure, type ExitCode } from "../failure.ts";
import { print } from "../output.ts";
import { WORKER_LINES } from "./new-project.ts";
import { planInit, type Plan } from "./plan.ts";

export interface InitOptions {
  readonly dryRun?: true | undefined;
  /** False with `--no-install`. */
  readonly install: boolean;
}

/** Puts Tickertape into a Worker's folder, or makes a new one. What is there already stays as it is. */
export async function init(folder = ".", { dryRun, install }: InitOptions): Promise<ExitCode> {
  const root = resolve(folder);
  const plan = planInit(root, process.versions.node);
  for (const { name, what } of plan.files) await print(`${name}: ${dryRun ? "would be " : ""}${what}`);
  if (plan.files.length === 0) await print("Nothing to do: all that Tickertape needs is here.");
  if (dryRun) return EXIT.ok;
  for (const { name, text, isSecret } of plan.files) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    // The mode is that of a new file: one that is there keeps its own.
    writeFileSync(path, text, isSecret ? { mode: 0o600 } : {});
  }
  if (plan.needsAssets) {
    const copied = copyAssets(root, join(root, "public"));
    await print(`public/: the dashboard and its documentation, ${copied.files} files`);
  }
  if (plan.needsInstall && install) await installPackages(root);
  await tellNext(root, plan, plan.needsInstall && !install);
  return EXIT.ok;
}

/** By the package manager that the folder has a lock file of. */
const LOCKS = { "pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun" };

function packageManager(root: string): string {
  return Object.entries(LOCKS).find(([lock]) => existsSync(join(root, lock)))?.[1] ?? "npm";
}

async function installPackages(root: string): Promise<void> {
  const manager = packageManager(root);
  await print(`${manager} install ...`);
  const quiet = manager === "npm" ? ["--no-audit", "--no-fund", "--loglevel=error"] : [];
  // What it says goes to the person. On Windows these are scripts, which only a shell runs.
  const child = spawn(manager, ["install", ...quiet], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  const [code] = await once(child, "exit").catch(() => [undefined]);
  if (code !== 0)
    throw new Failure(`${manager} install failed; all else is done. Run it again, then: npx wrangler dev`);
}

async function tellNext(root: string, { main, needsLines, notes }: Plan, mustInstall: boolean): Promise<void> {
  for (const note of notes) await print(`\n${note}`);
  if (needsLines) {
    await print(`\nAdd to ${main}:\n\n${WORKER_LINES.replaceAll(/^(?=.)/gm, "  ")}`);
    await print(
      "\nFor the dashboard, copy it into the folder of your [assets], under the same path:\n\n  npx tickertape assets public/live",
    );
  }
  const folder = relative(process.cwd(), root);
  const steps = [
    ...(folder === "" ? [] : [`cd ${folder}`]),
    ...(mustInstall ? [`${packageManager(root)} install`] : []),
    "npx wrangler dev",
  ];
  await print(`\nNext:\n\n${steps.map((step) => `  ${step}`).join("\n")}`);
  const at = needsLines ? " --url http://127.0.0.1:8787/live" : "";
  // Code that serves Tickertape already has feeds of its own, and a place of its own for it.
  if (!needsLines && !existsSync(join(root, "public", "assets", "tickertape.js"))) {
    await print(
      "\nThen, in a second terminal, with a feed of yours, and --url if it is under a path:\n\n  npx tickertape watch FEED",
    );
    return;
  }
  await print(`\nThen, in a second terminal:\n
  echo '{"key":"AAPL","set":{"last":191.2}}' | npx tickertape publish stocks${at}
  npx tickertape watch stocks${at}`);
  if (!needsLines) await print("\nThe dashboard is at http://127.0.0.1:8787.");
}
