import { percentile } from "../statistics.ts";
import type { LatencySamples } from "./crowd.ts";

/** Milliseconds. An update that takes longer is late: a user would not call it live. */
const IN_TIME = 250;

/** Sums up latencies in milliseconds. */
export function summarizeLatencies(latencies: readonly number[]): LatencySamples {
  const inTime = latencies.filter((latency) => latency <= IN_TIME).length / Math.max(1, latencies.length);
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), inTime, count: latencies.length };
}
