import { freePort } from "../../e2e/support/workerd.ts";
import type { Lab } from "../lab.ts";
import { pause } from "../load/clock.ts";
import { Crowd } from "../load/crowd.ts";
import { needSockets } from "../load/files.ts";
import { heapBytes, residentOf } from "../load/memory.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { bareObject } from "../targets/all.ts";
import type { RunningTarget, Target } from "../targets/target.ts";
import { tickertape } from "../targets/tickertape.ts";

/** The first message to a socket costs workerd some KB while the socket is open. Ours are sent a snapshot. */
const greeting = bareObjectThat("greets", "/?greet");
/** A fan-out either keeps its sockets, or has the runtime make them anew each time. */
const keeping = bareObjectThat("greets and keeps its sockets", "/?greet&keep");
const SOCKETS = [1_000, 5_000];
/** Sockets that come and go before the counting begins, so that one-time allocations are there. */
const EARLIER = 200;
/** Milliseconds. */
const QUIET_TIME = 3_000;
/** An object hibernates after ten seconds. */
const UNTIL_ASLEEP = 15_000;

export const idle: Scenario = {
  name: "idle",
  about: "memory of workerd per idle socket",
  mostRuns: 3,
  async prepare(lab) {
    await lab.worker();
    return SOCKETS.flatMap((sockets) =>
      [tickertape, bareObject, greeting, keeping].map((target) => ({
        name: `${sockets.toLocaleString("en-US")}, ${target.name}`,
        run: () => measure(lab, target, sockets),
      })),
    );
  },
};

async function measure(lab: Lab, target: Target, sockets: number): Promise<Figures> {
  await needSockets(sockets);
  const inspectorPort = await freePort();
  const server = await target.start(lab, inspectorPort);
  const heap = (): Promise<number> => heapBytes(inspectorPort, server.publish.port);
  try {
    const earlier = await Crowd.open(lab, server.subscribe, EARLIER);
    await pause(QUIET_TIME);
    await earlier.close();
    await pause(QUIET_TIME);
    const started = await startedAt(server);
    const before = await residentOf(server);
    const heapBefore = await heap();
    const crowd = await Crowd.open(lab, server.subscribe, sockets);
    await pause(QUIET_TIME);
    const awake = await residentOf(server);
    const heapAwake = await heap();
    await pause(UNTIL_ASLEEP);
    const asleep = await residentOf(server);
    const heapAsleep = await heap();
    const isReborn = (await startedAt(server)) > started;
    await crowd.close();
    return {
      "before MB": before / 1e6,
      "KB/socket awake": (awake - before) / sockets / 1_000,
      "KB/socket after 15 s": (asleep - before) / sockets / 1_000,
      "heap B/socket awake": (heapAwake - heapBefore) / sockets,
      "heap B/socket after 15 s": (heapAsleep - heapBefore) / sockets,
      "has hibernated": Number.isNaN(started) ? NaN : Number(isReborn),
    };
  } finally {
    await server.stop();
  }
}

function bareObjectThat(does: string, path: string): Target {
  return {
    name: `bare object that ${does}`,
    async start(lab, inspectorPort) {
      const server = await bareObject.start(lab, inspectorPort);
      return { ...server, subscribe: { ...server.subscribe, path } };
    },
  };
}

/** When the feed's object was loaded into memory; NaN if there is no feed. */
async function startedAt({ publish }: RunningTarget): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${publish.port}${publish.path}/stats`);
  const stats: unknown = await response.json().catch(() => undefined);
  const started = typeof stats === "object" && stats !== null && "started" in stats ? stats.started : undefined;
  return typeof started === "number" ? started : NaN;
}
