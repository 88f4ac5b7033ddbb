import { percentile } from "../statistics.ts";
import type { LatencySamples } from "./crowd.ts";

/** An update that takes longer to arrive, in milliseconds, is late: nobody would call that live. */
const IN_TIME = 250;

/** What latencies, in milliseconds, come to. */
export function summarizeLatencies(latencies: readonly number[]): LatencySamples {
  const inTime = latencies.filter((latency) => latency <= IN_TIME).length / Math.max(1, latencies.length);
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), inTime, count: latencies.length };
}
