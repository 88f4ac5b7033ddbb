import { nchan } from "./nchan.ts";
import { socketIo, ws } from "./on-node.ts";
import { workerdPeer } from "./on-workerd.ts";
import type { Target } from "./target.ts";
import { tickertape } from "./tickertape.ts";

/** One loop over the sockets and nothing else: the platform's own cost. */
export const bareObject: Target = workerdPeer("bare object", (lab) => lab.build("peers/bare-object/wrangler.toml"));

const partyserver: Target = workerdPeer("partyserver", async (lab) => {
  await lab.peer("partyserver");
  return lab.build("peers/partyserver/wrangler.toml");
});

/** All targets that can run here, ours first. */
export async function installedTargets(): Promise<readonly Target[]> {
  const targets = [tickertape, bareObject, ws, socketIo, partyserver, nchan];
  const isInstalled = await Promise.all(targets.map(async (target) => (await target.isInstalled?.()) ?? true));
  return targets.filter((_, i) => isInstalled[i]);
}
