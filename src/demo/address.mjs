import { mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join, relative } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { root } from "./install.mjs";

const host = "127.0.0.1";
const PORTS_TRIED = 100;
/** How long a port that was asked for may still be held by the last run, in milliseconds. */
const PORT_PATIENCE_MS = 5_000;

/**
 * The first free port from `first` on. Throws an `Error` where there is none.
 * @param {number} first
 */
export async function findPort(first) {
  for (let port = first; port < first + PORTS_TRIED && port < 65_536; port++) if (await isFree(port)) return port;
  throw new Error(`no port is free from ${first} on`);
}

/**
 * Waits until the very port that was asked for is free. Throws an `Error` where it stays taken.
 * @param {number} port
 */
export async function awaitPort(port) {
  for (let waited = 0; waited <= PORT_PATIENCE_MS; waited += 250) {
    if (await isFree(port)) return port;
    await wait(250);
  }
  throw new Error(`port ${port} is taken; another one can be given with --port`);
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error) => {
      if (!("code" in error) || error.code !== "EADDRINUSE") reject(error);
      else resolve(false);
    });
    server.listen({ port, host }, () => server.close(() => resolve(true)));
  });
}

/**
 * Claims the default storage, which two servers must not share, for this process. The claim is a listening socket, for it
 * ends with the process however that ends, while a file with a process id may outlive it and come to name another one.
 * @returns {Promise<{ claimed: true, announce: (url: string) => void } | { claimed: false, url: string }>}
 *   where another process has it, `url` is that one's address (empty while it is still starting)
 */
export async function claimStorage() {
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  // Relative, for a socket's path may have only some hundred characters.
  const path = relative(process.cwd(), join(root, ".wrangler/start.sock"));
  let url = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(url);
  });
  // Listening must not keep a process alive that is done.
  server.unref();
  for (;;) {
    const code = await listen(server, path);
    if (code === undefined) return { claimed: true, announce: (address) => (url = address) };
    // A file system without sockets: better to start unguarded than not at all.
    if (code !== "EADDRINUSE") return { claimed: true, announce: () => {} };
    const holder = await ask(path);
    if (holder !== undefined) return { claimed: false, url: holder };
    rmSync(path, { force: true });
  }
}

/**
 * @param {import("node:net").Server} server
 * @param {string} path
 * @returns {Promise<unknown>} the error's code, if any
 */
function listen(server, path) {
  return new Promise((resolve) => {
    /** @param {Error} error */
    const fail = (error) => resolve("code" in error ? error.code : error.message);
    server.once("error", fail);
    server.listen(path, () => {
      server.off("error", fail);
      resolve(undefined);
    });
  });
}

/**
 * What the process behind a socket says, or nothing where the socket was left behind by one that is gone.
 * @param {string} path
 * @returns {Promise<string | undefined>}
 */
function ask(path) {
  return new Promise((resolve) => {
    let text = "";
    connect(path)
      .on("data", (chunk) => (text += chunk))
      .on("end", () => resolve(text))
      .on("error", () => resolve(undefined));
  });
}
