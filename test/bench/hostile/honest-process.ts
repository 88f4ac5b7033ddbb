import { serve } from "../load/child.ts";
import { clock } from "../load/clock.ts";
import { percentile } from "../statistics.ts";
import { HonestReader } from "./honest-readers.ts";
import type { ReadersReply, ReadersRequest } from "./honest.ts";
import { ask } from "./http.ts";
import { honestEndpoint, type HostileTarget } from "./target.ts";
import { uncaught } from "./uncaught.ts";

/* Honest readers in a process of their own: their parsing must not delay the measurements. */

/** Milliseconds that a reader may take to have the last update. */
const LONGEST_CATCH_UP = 30_000;
/** Milliseconds between two updates in the meantime. */
const NUDGE_EVERY = 3_000;

let readers: HonestReader[] = [];
let target: HostileTarget | undefined;

/** Publishes an update that every reader selects: it brings readers that get nothing else to the feed's position. */
async function nudge(target: HostileTarget): Promise<void> {
  const { path, headers } = honestEndpoint(target);
  const all = { ...headers, "Content-Type": "application/json" };
  await ask(target, { path, method: "POST", headers: all, body: '{"key":"honest.0","set":{}}' });
}

/** Returns what is wrong with the readers' views. Updates of the attackers may still arrive, or expire, meanwhile. */
async function finish(target: HostileTarget): Promise<string[]> {
  const until = clock() + LONGEST_CATCH_UP;
  await nudge(target);
  const nudging = setInterval(() => void nudge(target), NUDGE_EVERY);
  const found = await Promise.all(readers.map((reader) => reader.difference(until)));
  clearInterval(nudging);
  for (const reader of readers) reader.end();
  return [...readers.flatMap(({ faults }) => faults), ...found.filter((difference) => difference !== undefined)];
}

async function answer(request: ReadersRequest): Promise<ReadersReply> {
  if (request.type === "begin") {
    target = request.target;
    readers = request.readers.map(({ transport, query }) => new HonestReader(request.target, transport, query));
  }
  const faults = request.type === "finish" && target ? await finish(target) : [];
  const latencies = readers.flatMap(({ latencies }) => latencies);
  return {
    faults,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: latencies.reduce((most, latency) => Math.max(most, latency), 0),
    count: latencies.length,
    uncaught: uncaught.counts,
    lost: Object.fromEntries(readers.map(({ name, lost }) => [name, lost])),
    each: Object.fromEntries(readers.map(({ name, latencies }) => [name, percentile(latencies, 0.99)])),
  };
}

serve(answer);
