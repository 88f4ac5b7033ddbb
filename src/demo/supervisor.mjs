// A process that runs a command, and ends it with all that it started, even if the process that asked for it is killed.
// Otherwise wrangler would leave its workerd behind, with the port and the storage. A library's clean-up does not help
// here: it runs in the process that was killed, and ends only the command.
import { fileURLToPath } from "node:url";
import { execa, execaNode } from "execa";
import { root } from "./install.mjs";

const self = fileURLToPath(import.meta.url);
export const STDIO = /** @type {const} */ ({ stdin: "ignore", stdout: "inherit", stderr: "inherit" });

/**
 * Runs a command under a supervisor, in the project's folder and in a process group of its own.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} env in addition to the environment
 * @returns {{ ended: Promise<string>, stop: () => void }} `ended` says how the command ended, once nothing of it is left
 */
export function supervise(command, args, env) {
  const supervisor = execaNode(self, [command, ...args], {
    ...STDIO,
    cwd: root,
    env,
    ipc: true,
    // A group of its own: a terminal's Ctrl-C reaches only the process that asked for it, which ends things in order.
    detached: true,
    reject: false,
    forceKillAfterDelay: false,
  });
  const outcome = supervisor.getOneMessage().then(String, () => "its supervisor was killed");
  const ended = supervisor.then(() => {
    killGroup(supervisor.pid);
    return outcome;
  });
  return { ended, stop: () => void supervisor.kill("SIGTERM") };
}

/** @param {number | undefined} leader */
function killGroup(leader) {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing of the group is left.
  }
}

/** Ends this supervisor and all that runs under it. */
const end = () => killGroup(process.pid);

/**
 * @param {string} command
 * @param {string[]} args
 */
async function runSupervised(command, args) {
  // SIGTERM first. If the command still runs after 5 s, it is killed.
  const child = execa(command, args, { ...STDIO, reject: false, forceKillAfterDelay: 5_000 });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill("SIGTERM"));
  // The process that asked for it is gone. End at once: its successor may already need the port.
  process.on("disconnect", end);
  if (!process.connected) end();
  const { exitCode, shortMessage } = await child;
  process.send?.(exitCode === undefined ? shortMessage : `exit code ${exitCode}`, end);
}

const [, main, command, ...args] = process.argv;
if (main === self && command !== undefined) await runSupervised(command, args);
