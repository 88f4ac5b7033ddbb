import type { Inspector } from "./inspector.ts";

/** What V8's profiler saw of a thread. */
export interface Profile<During> {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  /** What came of what was profiled. */
  readonly during: During;
}

/** Profiles a workerd's thread, with a sample each `interval` microseconds. */
export async function takeProfile<During>(
  inspector: Inspector,
  interval: number,
  during: () => Promise<During>,
): Promise<Profile<During>> {
  await inspector.call("Profiler.enable");
  await inspector.call("Profiler.setSamplingInterval", { interval });
  await inspector.call("Profiler.start");
  const done = await during();
  const { profile } = await inspector.call<{ profile: Omit<Profile<During>, "during"> }>("Profiler.stop");
  inspector.close();
  return { ...profile, during: done };
}

/** Microseconds. */
const SAMPLE_EVERY = 200;
/** What the profiler calls the thread between two tasks. */
const BETWEEN = new Set(["(root)", "(idle)", "(program)"]);

/**
 * The longest time, in milliseconds, that a workerd's thread runs JavaScript, and what it calls, without a pause.
 * Pauses shorter than the sampling interval are not seen.
 */
export async function longestTask(inspector: Inspector, during: () => Promise<unknown>): Promise<number> {
  const { nodes, samples, timeDeltas } = await takeProfile(inspector, SAMPLE_EVERY, during);
  const between = new Set(nodes.filter(({ callFrame }) => BETWEEN.has(callFrame.functionName)).map(({ id }) => id));
  let longest = 0;
  let run = 0;
  for (const [i, sample] of samples.entries()) {
    if (between.has(sample)) run = 0;
    // From the sample before to this one. The first sample of a task may have begun just before it.
    else longest = Math.max(longest, (run += run === 0 ? SAMPLE_EVERY : (timeDeltas[i] ?? 0)));
  }
  return longest / 1_000;
}
