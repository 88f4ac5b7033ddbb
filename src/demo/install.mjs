// Runs on a fresh machine, on any Node from 20 on, so it must not use packages.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
const modules = join(root, "node_modules");
/** The Node that the project pins. wrangler and TypeScript files need it; the machine may have an older one. */
export const pinnedNode = join(modules, ".bin/node");

/** Installs what package-lock.json lists, unless exactly that is installed. Throws an `Error` if it fails. */
export async function install() {
  const reason = outdated();
  if (reason === undefined) return;
  console.log(`Installing packages, which takes a minute or more: ${reason}.`);
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((entry) => !resolve(entry).startsWith(modules));
  // Not with the Node in node_modules, because npm removes that first.
  const code = await runToEnd("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    ...process.env,
    PATH: path.join(delimiter),
  });
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}; what it says is above`);
  const wrong = outdated();
  if (wrong !== undefined) throw new Error(`npm did not install what package-lock.json lists: ${wrong}`);
}

/**
 * Runs a command in the project's folder, waits for its end, and passes signals on to it.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit code: 128 plus the signal's number after a signal, 127 if it cannot be run
 */
export function runToEnd(command, args, env = process.env) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit" });
    /** @param {NodeJS.Signals} signal */
    const pass = (signal) => child.kill(signal);
    const signals = /** @type {const} */ (["SIGTERM", "SIGHUP"]);
    process.on("SIGINT", leaveToChild);
    for (const signal of signals) process.on(signal, pass);
    /** @param {number} code */
    const end = (code) => {
      process.off("SIGINT", leaveToChild);
      for (const signal of signals) process.off(signal, pass);
      done(code);
    };
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      end(127);
    });
    child.on("exit", (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** A terminal sends Ctrl-C to the child as well. A second signal would interrupt the child's own clean-up. */
function leaveToChild() {}

/** Says why node_modules cannot be used as it is, or returns undefined. */
function outdated() {
  // npm writes this record last, so an interrupted installation has none.
  const record = join(modules, ".package-lock.json");
  if (!existsSync(record)) return "node_modules is missing or incomplete";
  const installed = readPackages(record);
  for (const [path, wanted] of Object.entries(readPackages(join(root, "package-lock.json")))) {
    // Skips the root, and packages for other platforms, which npm does not install here.
    const found = installed[path];
    if (path === "" || (!found && (wanted.optional || wanted.devOptional))) continue;
    if (found?.version !== wanted.version) return `${path} differs from package-lock.json`;
  }
  // If it was installed for another platform, it exists but does not start.
  if (spawnSync(pinnedNode, ["--version"]).status !== 0) return "node_modules is of another platform";
  return undefined;
}

/**
 * The `packages` of a lock file by their paths. Empty if the file cannot be read.
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>}
 */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return {};
  }
}
