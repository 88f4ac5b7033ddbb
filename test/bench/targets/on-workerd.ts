import type { Lab, ServeOptions } from "../lab.ts";
import type { PublishEndpoint } from "../load/publish-connection.ts";
import type { RunningTarget, Target } from "./target.ts";

/** Serves a built Worker on a bare workerd, with new storage on disk. */
export async function startWorkerd(
  lab: Lab,
  build: string,
  endpoints: (port: number) => { publish: PublishEndpoint; subscribe: { path: string } },
  options?: ServeOptions,
): Promise<RunningTarget> {
  const storage = await lab.folder("storage");
  const workerd = await lab.serve(build, storage, options);
  const { port } = workerd;
  const { publish, subscribe } = endpoints(port);
  return {
    pids: async () => [workerd.process.pid ?? 0],
    publish,
    subscribe: { port, ...subscribe },
    async stop() {
      await workerd.kill();
      await lab.discard(storage);
    },
  };
}

/** A Worker that answers every path alike. */
export function workerdPeer(name: string, build: (lab: Lab) => Promise<string>): Target {
  return {
    name,
    start: async (lab, inspectorPort) =>
      startWorkerd(
        lab,
        await build(lab),
        (port) => ({ publish: { port, path: "/", headers: {} }, subscribe: { path: "/" } }),
        { inspectorPort },
      ),
  };
}
