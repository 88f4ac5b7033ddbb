/** The value below which `share` of the values lie; NaN if there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Milliseconds from making an update to its arrival at one subscriber. */
export interface LatencySamples {
  readonly p50: number;
  readonly p99: number;
  /** The share that arrived within 250 ms. */
  readonly inTime: number;
  readonly count: number;
}

/** Milliseconds. An update that takes longer is late: a user would not call it live. */
const IN_TIME = 250;

/** Sums up latencies in milliseconds. */
export function summarizeLatencies(latencies: readonly number[]): LatencySamples {
  const inTime = latencies.filter((latency) => latency <= IN_TIME).length / Math.max(1, latencies.length);
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), inTime, count: latencies.length };
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).toSorted();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
