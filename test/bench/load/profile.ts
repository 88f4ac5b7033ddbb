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
  return { ...profile, during: done };
}

/** Microseconds. */
const SAMPLE_EVERY = 100;
/** What comes later than so many microseconds after the sample before, the system gave no processor to. */
const GAP = 2_000;
/** What the profiler calls the thread between two tasks. */
const BETWEEN = new Set(["(root)", "(idle)", "(program)"]);
const COLLECTING = "(garbage collector)";
/** What the runtime calls: the handlers of the Worker and its objects. What a timer calls has no name. */
const HANDLERS = new Set([
  "",
  "fetch",
  "alarm",
  "webSocketMessage",
  "webSocketClose",
  "webSocketError",
  "acceptBatch",
  "read",
  "readHistory",
]);

/**
 * The longest time, in milliseconds, for which a workerd's thread serves one event: JavaScript, what it calls, and what
 * goes on once a promise is resolved. An event ends where the thread pauses, or where the runtime calls another handler.
 * Pauses shorter than the sampling interval are not seen, so that events of one kind may count as one.
 */
export async function longestTask(inspector: Inspector, during: () => Promise<unknown>): Promise<number> {
  const { nodes, samples, timeDeltas } = await takeProfile(inspector, SAMPLE_EVERY, during);
  const outermost = outermostOf(nodes);
  let longest = 0;
  let run = 0;
  let last: string | undefined;
  for (const [i, sample] of samples.entries()) {
    const name = outermost.get(sample);
    if (name === undefined) {
      run = 0;
      last = undefined;
      continue;
    }
    if (name !== COLLECTING) {
      if (name !== last && HANDLERS.has(name)) run = 0;
      last = name;
    }
    // From the sample before to this one. The first sample of an event may have begun just before it.
    run += run === 0 ? SAMPLE_EVERY : Math.min(GAP, timeDeltas[i] ?? 0);
    longest = Math.max(longest, run);
  }
  return longest / 1_000;
}

/** For each node the name of the function that the runtime called; none for the nodes between two tasks. */
function outermostOf(nodes: Profile<unknown>["nodes"]): ReadonlyMap<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found = new Map<number, string>();
  const name = (id: number, outer: string | undefined): void => {
    const node = byId.get(id);
    if (!node) return;
    const { functionName } = node.callFrame;
    const own = outer ?? (BETWEEN.has(functionName) ? undefined : functionName);
    if (own !== undefined) found.set(id, own);
    for (const child of node.children ?? []) name(child, own);
  };
  const [root] = nodes;
  if (root) name(root.id, undefined);
  return found;
}
