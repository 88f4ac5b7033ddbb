// A process that starts another and sees to its end, with all that it started: even when the one that asked for it is
// killed and can do nothing more. Wrangler alone would leave its workerd behind then, on the port and on the storage.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { root } from "./install.mjs";

const self = fileURLToPath(import.meta.url);
/** How long a command may take to end by itself, in milliseconds. */
const GRACE_MS = 5_000;

/**
 * Starts a command on a leash, in the project's folder and in a process group of its own.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ ended: Promise<number>, stop: () => void }} `ended` gives the command's exit code once nothing of it is left
 */
export function startLeashed(command, args, env) {
  const leash = spawn(process.execPath, [self, command, ...args], {
    cwd: root,
    env,
    // Of its own group, so a terminal's Ctrl-C reaches only the one that started it, which ends things in order.
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let result = 1;
  leash.on("message", (code) => (result = Number(code)));
  const exited = new Promise((resolve) => {
    leash.on("exit", () => {
      killGroup(leash.pid);
      resolve(undefined);
    });
  });
  // The channel closes behind the last message, which may be read later than the exit is seen.
  const read = new Promise((resolve) => leash.on("disconnect", resolve));
  const failed = new Promise((resolve) => leash.on("error", resolve));
  const ended = Promise.race([Promise.all([exited, read]), failed]).then(() => result);
  return { ended, stop: () => void leash.kill("SIGTERM") };
}

/** @param {number | undefined} leader */
function killGroup(leader) {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing of it is left, as it should be.
  }
}

/** Ends the leash and all that is on it. */
function end() {
  killGroup(process.pid);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function holdLeash(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  /** @param {number} code */
  const report = (code) => {
    if (process.connected) process.send?.(code, end);
    else end();
  };
  const stop = () => {
    child.kill("SIGTERM");
    setTimeout(end, GRACE_MS);
  };
  child.on("error", (error) => {
    console.error(`${command}: ${error.message}`);
    report(127);
  });
  child.on("exit", (code, signal) => report(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  // The one that started it is gone without a word. At once, for its successor may already want the port.
  process.on("disconnect", end);
}

const [, main, command, ...args] = process.argv;
if (main === self && command !== undefined) holdLeash(command, args);
