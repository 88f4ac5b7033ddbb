// `npm start`: the whole of Tickertape on this machine, with a demo feed. Runs on any Node from 20 on, with no packages.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { awaitPort, claimStorage, findPort } from "./address.mjs";
import { CHAT_HOURS, findChat } from "./chat.mjs";
import { awaitHealthy, startPublisher, startServer } from "./children.mjs";
import { install } from "./install.mjs";
import { makeSecrets, readSecret } from "./secrets.mjs";

const HELP = `Starts Tickertape on this machine, with a demo feed. Options follow "npm start --".

  --port N     the port, also by the variable PORT; otherwise 8787, or the next free one
  --no-demo    without the demo feed
  --help       this text
`;
const DEFAULT_PORT = 8787;

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      "no-demo": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const port = values.port ?? process.env["PORT"];
  if (port && !(Number.isInteger(Number(port)) && Number(port) > 0 && Number(port) < 65_536)) {
    throw new Error(`not a port: ${port}`);
  }
  return { port: port ? Number(port) : undefined, demo: !values["no-demo"], help: values.help };
}

/**
 * @param {string} url
 * @param {string | undefined} chat
 */
function announce(url, chat) {
  const lines = `
A chat, to be opened in two windows (for ${CHAT_HOURS} hours, whoever has this address may write there):
  ${chat}
`;
  console.log(`
Tickertape is running. Open ${url}
${chat === undefined ? "" : lines}
Publish with the PUBLISH_KEY in .dev.vars:
  curl --json '{"key":"HELLO","set":{"last":1}}' -H "Authorization: Bearer $(. ./.dev.vars; echo $PUBLISH_KEY)" ${url}/v1/feeds/stocks

Ctrl-C stops it. The feed is kept, and goes on with the next start.
`);
}

/** @returns {Promise<number>} the exit code */
async function start() {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  await install();
  const stop = new AbortController();
  const stopped = new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop.abort());
  endWithNpm(stop);
  const secrets = makeSecrets();
  if (secrets === "made") console.log("Made .dev.vars, with fresh keys.");
  if (secrets === "added") console.log("Added a fresh JWT_SECRET to .dev.vars.");

  const storage = await claimStorage();
  const port = await (options.port ? awaitPort(options.port) : findPort(DEFAULT_PORT));
  const url = `http://127.0.0.1:${port}`;
  const state = storage.claimed ? undefined : `.wrangler/state-${port}`;
  if (!storage.claimed) {
    const where = storage.url ? ` at ${storage.url}` : "";
    console.log(`Tickertape already runs from this folder${where}; this one keeps its data apart, in ${state}.`);
  } else storage.announce(url);

  const server = startServer(port, state);
  let died = false;
  void server.ended.then(() => {
    died = !stop.signal.aborted;
    stop.abort();
  });
  /** @type {(() => Promise<void>) | undefined} */
  let stopPublisher;
  try {
    await awaitHealthy(url, stop.signal);
    if (!stop.signal.aborted) {
      const key = options.demo ? readSecret("PUBLISH_KEY") : undefined;
      if (key !== undefined) stopPublisher = startPublisher(url, key);
      else if (options.demo) console.error("No demo feed: .dev.vars has no PUBLISH_KEY.");
      announce(url, await findChat(url));
      await stopped;
    }
  } finally {
    // First the publisher, so that its last updates still find the server.
    await stopPublisher?.();
    server.stop();
    await server.ended;
  }
  if (!died) return 0;
  console.error(`The server ended (exit code ${await server.ended}); its error is above.`);
  return 1;
}

/**
 * npm passes signals on, but killed outright it can't, and its shell may die of a signal without passing it on: either way
 * nobody is left to stop this, so it stops by itself.
 * @param {AbortController} stop
 */
function endWithNpm(stop) {
  if (process.env["npm_lifecycle_event"] !== "start") return;
  const before = parents();
  setInterval(() => parents() !== before && stop.abort(), 500).unref();
}

/** Who started this, and where that is npm's shell, who started that. */
function parents() {
  return `${process.ppid} ${parentOf(process.ppid)}`;
}

/**
 * The parent of npm's shell, which is npm itself. Nothing where the shell has given way to the command, or without /proc.
 * @param {number} pid
 */
function parentOf(pid) {
  try {
    const [, name, parent] = /\((.*)\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return name?.endsWith("sh") ? parent : undefined;
  } catch {
    return undefined;
  }
}

try {
  process.exitCode = await start();
} catch (error) {
  console.error(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
process.exit();
