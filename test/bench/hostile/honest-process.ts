import { percentile } from "../statistics.ts";
import { HonestReader } from "./honest-readers.ts";
import type { ReadersReply, ReadersRequest } from "./honest.ts";

/* Honest readers in a process of their own: what they parse must not delay whoever measures. */

let readers: HonestReader[] = [];

async function answer(request: ReadersRequest): Promise<ReadersReply> {
  if (request.type === "begin") {
    readers = request.readers.map(({ transport, query }) => new HonestReader(request.target, transport, query));
  }
  const faults = request.type === "finish" ? (await Promise.all(readers.map((reader) => reader.finish()))).flat() : [];
  const latencies = readers.flatMap(({ latencies }) => latencies);
  return {
    faults,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    max: latencies.reduce((most, latency) => Math.max(most, latency), 0),
    count: latencies.length,
    lost: Object.fromEntries(readers.map(({ name, lost }) => [name, lost])),
    each: Object.fromEntries(readers.map(({ name, latencies }) => [name, percentile(latencies, 0.99)])),
  };
}

process.on("message", (request: ReadersRequest) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) =>
      process.send?.({ faults: [String(error)], p50: NaN, p99: NaN, max: NaN, count: 0, lost: {}, each: {} }),
  );
});
// Nobody is left to read for.
process.on("disconnect", () => process.exit(0));
