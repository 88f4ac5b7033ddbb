// What `npm start` runs once the packages are there: the server, the demo publisher, and the end of both.
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { execa } from "execa";
import getPort, { portNumbers } from "get-port";
import { CHAT_HOURS, chatUrl } from "./chat.mjs";
import { pinnedNode, root } from "./install.mjs";
import { makeSecrets, readSecret } from "./secrets.mjs";
import { claimStorage } from "./storage-claim.mjs";
import { STDIO, supervise } from "./supervisor.mjs";

const HOST = "127.0.0.1";
const DEFAULT_PORT = 8787;
/** Milliseconds that the previous run may still hold the given port. */
const PORT_MS = 5_000;
/** Milliseconds until the server answers. The first start on a slow machine takes long. */
const START_MS = 120_000;
/** Milliseconds that the publisher may take to deliver its last updates. */
const FLUSH_MS = 4_000;

/**
 * @param {{ port: number | undefined, demo: boolean }} options
 * @returns {Promise<number>} the exit code
 */
export async function run({ port: given, demo }) {
  const stop = new AbortController();
  const stopped = new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop.abort());
  stopWithNpm(stop);
  const secrets = makeSecrets();
  if (secrets === "made") console.log("Made .dev.vars, with fresh keys.");
  if (secrets === "added") console.log("Added a fresh JWT_SECRET to .dev.vars.");

  const storage = await claimStorage();
  const port = await (given ? awaitPort(given) : getPort({ port: portNumbers(DEFAULT_PORT, 8999), host: HOST }));
  const url = `http://${HOST}:${port}`;
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
  /** @type {(() => Promise<unknown>) | undefined} */
  let stopPublisher;
  try {
    await awaitHealthy(url, stop.signal);
    if (!stop.signal.aborted) {
      const key = demo ? readSecret("PUBLISH_KEY") : undefined;
      if (key !== undefined) stopPublisher = startPublisher(url, key);
      else if (demo) console.error("No demo feed: .dev.vars has no PUBLISH_KEY.");
      announce(url, await chatUrl(url));
      await stopped;
    }
  } finally {
    // First the publisher, so that the server still gets its last updates.
    await stopPublisher?.();
    server.stop();
    await server.ended;
  }
  if (!died) return 0;
  console.error(`The server ended (${await server.ended}); its error is above.`);
  return 1;
}

/**
 * @param {string} url
 * @param {string | undefined} chat
 */
function announce(url, chat) {
  const lines = `
A chat, to be opened in two windows (for ${CHAT_HOURS} hours, anyone with this URL may write there):
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

/**
 * Waits until a port is free. Throws an `Error` if it stays taken.
 * @param {number} port
 */
async function awaitPort(port) {
  for (let waited = 0; waited <= PORT_MS; waited += 250) {
    // `getPort` returns another port if this one is taken.
    if ((await getPort({ port, host: HOST })) === port) return port;
    await wait(250);
  }
  throw new Error(`port ${port} is taken; another one can be given with --port`);
}

/**
 * Starts wrangler's development server.
 * @param {number} port
 * @param {string | undefined} state the folder for storage, if not the default one
 */
function startServer(port, state) {
  const wrangler = ["node_modules/wrangler/bin/wrangler.js", "dev", "--ip", HOST, "--port", String(port)];
  // Any free port for the inspector. Only warnings and errors, or each request would be a line.
  const quiet = ["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level", "warn"];
  return supervise(pinnedNode, [...wrangler, ...quiet, ...(state ? ["--persist-to", state] : [])], {
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_LOG_PATH: ".wrangler/logs",
    // Otherwise the start asks Cloudflare where this machine is, and waits for the answer.
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  });
}

/**
 * Waits until the server answers. Throws an `Error` if it does not.
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function awaitHealthy(url, signal) {
  const deadline = Date.now() + START_MS;
  while (!signal.aborted) {
    try {
      const { status } = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) });
      if (status === 200) return;
    } catch {
      // Not listening yet.
    }
    if (Date.now() > deadline) throw new Error(`the server does not answer at ${url}/healthz`);
    await wait(200);
  }
}

/**
 * Starts the demo publisher. Returns a function that stops it.
 * @param {string} url
 * @param {string} key
 */
function startPublisher(url, key) {
  const publisher = execa(pinnedNode, ["src/demo/main.ts", "--url", url], {
    cwd: root,
    env: { PUBLISH_KEY: key },
    // A terminal's Ctrl-C must not reach it before this process stops it. It ends by itself when the channel closes.
    detached: true,
    ipc: true,
    ...STDIO,
    reject: false,
    forceKillAfterDelay: FLUSH_MS,
  });
  let stopping = false;
  const ended = publisher.then(({ exitCode, shortMessage }) => {
    if (stopping) return;
    console.error(
      `The demo publisher ended (${shortMessage ?? `exit code ${exitCode}`}); the server goes on without it.`,
    );
  });
  return () => {
    stopping = true;
    publisher.kill();
    return ended;
  };
}

/**
 * npm passes signals on, unless it is killed. Its shell may also die of a signal without passing it on. In both cases this
 * process loses its parents, and stops by itself.
 * @param {AbortController} stop
 */
function stopWithNpm(stop) {
  if (process.env["npm_lifecycle_event"] !== "start") return;
  const before = parents();
  setInterval(() => parents() !== before && stop.abort(), 500).unref();
}

/**
 * The parent of this process and, if that is npm's shell, the shell's parent, which is npm. (Some shells give way to the
 * command.) Only the first of them if there is no /proc.
 */
function parents() {
  const { ppid } = process;
  try {
    const [, name, parent] = /\((.*)\) \S (\d+) /.exec(readFileSync(`/proc/${ppid}/stat`, "utf8")) ?? [];
    return name?.endsWith("sh") ? `${ppid} ${parent}` : `${ppid}`;
  } catch {
    return `${ppid}`;
  }
}
