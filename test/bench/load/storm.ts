import type { StormReport } from "./crowd.ts";
import { percentile } from "../statistics.ts";
import { clock } from "./clock.ts";
import { endpointOf, RawSubscriber, type SubscribeEndpoint } from "./raw-subscriber.ts";

/** The end of each part of a snapshot but the last. */
const MORE = Buffer.from(`},"more":true}`);
const SNAPSHOT = `{"type":"snapshot"`;
const UPDATE = `{"type":"update"`;
/** The type and the seq of a message are within its first characters. */
const HEAD_LENGTH = 120;

/** Connects all clients at once, waits until each has the state at `seq`, and disconnects them. */
export async function storm(endpoint: SubscribeEndpoint, count: number, seq: number): Promise<StormReport> {
  const start = clock();
  let bytes = 0;
  const clients = Array.from({ length: count }, async (_, index) => {
    const { promise: took, resolve } = Promise.withResolvers<number>();
    const subscriber = await RawSubscriber.open(endpointOf(endpoint, index), (buffer, from, end) => {
      bytes += end - from;
      if (isState(buffer, from, end, seq)) resolve(clock() - start);
    });
    return { subscriber, took: await took };
  });
  const done = await Promise.all(clients);
  for (const { subscriber } of done) subscriber.close();
  const times = done.map(({ took }) => took);
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), max: Math.max(...times), bytes };
}

function isState(buffer: Buffer, start: number, end: number, seq: number): boolean {
  const head = buffer.toString("latin1", start, Math.min(end, start + HEAD_LENGTH));
  if (Number(/"seq":(\d+)/.exec(head)?.[1]) < seq) return false;
  if (head.startsWith(UPDATE)) return true;
  return head.startsWith(SNAPSHOT) && !buffer.subarray(end - MORE.length, end).equals(MORE);
}
