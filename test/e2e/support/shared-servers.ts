import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINDINGS } from "./api.ts";
import { listenOnLoopback } from "./loopback.ts";
import { pack } from "./packed.ts";
import { SHARED, type SharedName } from "./shared.ts";
import { compileWorker, Workerd } from "./workerd.ts";
import { WranglerDev } from "./wrangler-dev.ts";

interface Shared {
  /** What a test file gets: the folder of the build, or the URL of a server. */
  readonly value: string;
  readonly dispose: () => Promise<void>;
}

const START: Record<SharedName, () => Promise<Shared>> = {
  build: async () => {
    const folder = await mkdtemp(join(tmpdir(), "tickertape-build-"));
    await compileWorker(folder);
    return { value: folder, dispose: () => rm(folder, { recursive: true, force: true }) };
  },
  package: async () => {
    const folder = await mkdtemp(join(tmpdir(), "tickertape-package-"));
    return { value: await pack(folder), dispose: () => rm(folder, { recursive: true, force: true }) };
  },
  workerd: async () => {
    const workerd = await Workerd.start({ bindings: BINDINGS });
    return { value: workerd.url, dispose: () => workerd.dispose() };
  },
  "wrangler-dev": async () => {
    const wrangler = await WranglerDev.start({ ALLOWED_ORIGINS: "*" });
    return { value: wrangler.url, dispose: () => wrangler.dispose() };
  },
};

/**
 * Serves the test files of all processes with what they share. Each thing starts when the first file asks for it, and
 * ends after the last test.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Two projects have this set-up.
  if (process.env[SHARED] !== undefined) return undefined;
  const started = new Map<SharedName, Promise<Shared>>();
  const get = (name: SharedName): Promise<Shared> => {
    const found = started.get(name) ?? START[name]();
    started.set(name, found);
    return found;
  };
  const server = createServer((request, response) => {
    get(request.url?.slice(1) as SharedName).then(
      ({ value }) => response.end(value),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  process.env[SHARED] = await listenOnLoopback(server);
  return async () => {
    delete process.env[SHARED];
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    for (const thing of await Promise.allSettled(started.values()))
      if (thing.status === "fulfilled") await thing.value.dispose();
  };
}
