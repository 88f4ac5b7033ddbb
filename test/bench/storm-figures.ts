import { CpuMeter } from "./load/cpu.ts";
import type { Crowd } from "./load/crowd.ts";
import type { SubscribeEndpoint } from "./load/raw-subscriber.ts";
import type { Figures } from "./scenario.ts";

/** What it takes that many clients come at once and wait for the state at `seq`. `pids`: the processes that serve them. */
export async function stormOf(
  crowd: Crowd,
  clients: number,
  endpoint: SubscribeEndpoint,
  seq: number,
  pids: readonly number[],
): Promise<Figures> {
  const meter = new CpuMeter(async () => pids, [crowd.pid]);
  await meter.begin();
  const { p50, p99, max, bytes } = await crowd.storm(endpoint, clients, seq);
  const { serverSeconds, server, generator } = await meter.end();
  return {
    "p50 ms": p50,
    "p99 ms": p99,
    "last ms": max,
    "KB/client": bytes / clients / 1_000,
    "CPU us/client": (serverSeconds * 1e6) / clients,
    "server CPU %": server,
    "generator CPU %": generator,
  };
}
