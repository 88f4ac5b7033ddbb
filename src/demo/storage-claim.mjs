import { mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join, relative } from "node:path";
import { root } from "./install.mjs";

/**
 * Claims the default storage for this process: two servers must not share it. The claim is a listening socket, because that
 * ends with the process in any case. A lock file (as of proper-lockfile) would outlive a killed process by seconds, would
 * be lost while a laptop sleeps, and could not say which URL the other process has.
 * @returns {Promise<{ claimed: true, announce: (url: string) => void } | { claimed: false, url: string }>}
 *   `url`: of the process that has the storage (empty while that is still starting)
 */
export async function claimStorage() {
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  // Relative, because a socket's path may have only about a hundred characters.
  const path = relative(process.cwd(), join(root, ".wrangler/start.sock"));
  let url = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(url);
  });
  // Listening must not keep this process alive.
  server.unref();
  for (;;) {
    const code = await listen(server, path);
    if (code === undefined) return { claimed: true, announce: (own) => (url = own) };
    // A file system without sockets. It is better to start without a claim than not to start.
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
 * What the process behind a socket says, or undefined if that process is gone and has left the socket behind.
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
