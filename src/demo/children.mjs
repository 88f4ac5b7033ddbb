import { spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { pinnedNode, root } from "./install.mjs";
import { startLeashed } from "./leash.mjs";

/** How long the server may take to answer, in milliseconds: a slow machine's first start. */
const START_MS = 120_000;
/** How long the publisher may take to deliver its last updates, in milliseconds. */
const FLUSH_MS = 4_000;

/**
 * Starts wrangler's development server.
 * @param {number} port
 * @param {string | undefined} state the folder for storage, if not the default one
 */
export function startServer(port, state) {
  const wrangler = ["node_modules/wrangler/bin/wrangler.js", "dev", "--ip", "127.0.0.1", "--port", String(port)];
  // Any free port for the inspector. Warnings and errors only: every request would be a line.
  const quiet = ["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level", "warn"];
  return startLeashed(pinnedNode, [...wrangler, ...quiet, ...(state ? ["--persist-to", state] : [])], {
    ...process.env,
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_LOG_PATH: ".wrangler/logs",
    // Without it the start asks Cloudflare where this machine is, and waits for the answer.
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  });
}

/**
 * Waits until the server answers.
 * @param {string} url
 * @param {AbortSignal} signal
 */
export async function awaitHealthy(url, signal) {
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
 * Starts the demo publisher. Returns what stops it.
 * @param {string} url
 * @param {string} key
 */
export function startPublisher(url, key) {
  const child = spawn(pinnedNode, ["src/demo/main.ts", "--url", url], {
    cwd: root,
    env: { ...process.env, PUBLISH_KEY: key },
    // As for the server: a terminal's Ctrl-C must not reach it by itself. It ends when the channel closes.
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let stopping = false;
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  void ended.then((how) => {
    if (!stopping) console.error(`The demo publisher ended (${how}); the server goes on without it.`);
  });
  return async () => {
    stopping = true;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), FLUSH_MS);
    await ended;
    clearTimeout(timer);
  };
}
