import type { Inspector } from "./inspector.ts";

/** Microseconds. */
const SAMPLE_EVERY = 200;
/** What the profiler calls the thread between two tasks. */
const BETWEEN = new Set(["(root)", "(idle)", "(program)"]);

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/**
 * The longest time, in milliseconds, that a workerd's thread runs JavaScript, and what it calls, without a pause.
 * Pauses shorter than the sampling interval are not seen.
 */
export async function longestTask(inspector: Inspector, during: () => Promise<unknown>): Promise<number> {
  await inspector.call("Profiler.enable");
  await inspector.call("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY });
  await inspector.call("Profiler.start");
  await during();
  const { profile } = await inspector.call<{ profile: Profile }>("Profiler.stop");
  return longestRun(profile) / 1_000;
}

function longestRun({ nodes, samples, timeDeltas }: Profile): number {
  const between = new Set(nodes.filter(({ callFrame }) => BETWEEN.has(callFrame.functionName)).map(({ id }) => id));
  let longest = 0;
  let run = 0;
  for (const [i, sample] of samples.entries()) {
    if (between.has(sample)) run = 0;
    // From the sample before to this one. The first sample of a task may have begun just before it.
    else longest = Math.max(longest, (run += run === 0 ? SAMPLE_EVERY : (timeDeltas[i] ?? 0)));
  }
  return longest;
}
