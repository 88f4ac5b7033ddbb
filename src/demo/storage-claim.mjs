import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join, relative } from "node:path";
import { text } from "node:stream/consumers";
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
    try {
      await once(server.listen(path), "listening");
      return { claimed: true, announce: (own) => (url = own) };
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      // A file system without sockets. It is better to start without a claim than not to start.
      if (!isTaken) return { claimed: true, announce: () => {} };
    }
    // A process that is gone may have left its socket behind.
    const holder = await text(connect(path)).catch(() => undefined);
    if (holder !== undefined) return { claimed: false, url: holder };
    rmSync(path, { force: true });
  }
}
