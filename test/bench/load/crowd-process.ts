import { percentile } from "../statistics.ts";
import { clock } from "./clock.ts";
import type { CrowdReply, CrowdRequest } from "./crowd.ts";
import { RawSubscriber } from "./raw-subscriber.ts";
import { STAMP_MARK, UPDATE_MARK } from "./updates.ts";

/*
 * Many subscribers in a process of their own. Every update is counted; the latency is taken from each update of every
 * n-th message of each subscriber, another message from one subscriber to the next, so that no subscriber and no
 * message is favoured.
 */
const SAMPLED_SUBSCRIBERS = 50;
/** Upgrades that are under way at a time. */
const CONNECTING_AT_ONCE = 50;

const mark = Buffer.from(UPDATE_MARK);
const stampMark = Buffer.from(STAMP_MARK);
const subscribers: RawSubscriber[] = [];
let stride = 1;
let messages = 0;
let updates = 0;
let bytes = 0;
let last = 0;
let latencies: number[] = [];

/** Takes one message and returns how many updates it holds. */
function take(isSampled: boolean, buffer: Buffer, start: number, end: number): void {
  let found = 0;
  const now = clock();
  for (let at = buffer.indexOf(mark, start); at >= 0 && at < end; at = buffer.indexOf(mark, at + mark.length)) {
    found++;
    if (isSampled) latencies.push(now - stamp(buffer, at, end));
  }
  if (found === 0) return;
  messages++;
  updates += found;
  bytes += end - start;
  last = now;
}

/** The time of the update that begins at `from`, in milliseconds. */
function stamp(buffer: Buffer, from: number, end: number): number {
  let at = buffer.indexOf(stampMark, from) + stampMark.length;
  let microseconds = 0;
  for (; at < end; at++) {
    const digit = (buffer[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    microseconds = microseconds * 10 + digit;
  }
  return microseconds / 1000;
}

async function connect(count: number, endpoint: Extract<CrowdRequest, { type: "connect" }>["endpoint"]): Promise<void> {
  stride = Math.max(1, Math.round(count / SAMPLED_SUBSCRIBERS));
  for (let first = 0; first < count; first += CONNECTING_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(CONNECTING_AT_ONCE, count - first) }, (_, i) => first + i);
    const opened = indexes.map((index) => {
      let received = index;
      return RawSubscriber.open(endpoint, (_, buffer, start, end) =>
        take(++received % stride === 0, buffer, start, end),
      );
    });
    subscribers.push(...(await Promise.all(opened)));
  }
}

async function answer(request: CrowdRequest): Promise<CrowdReply> {
  if (request.type === "connect") await connect(request.count, request.endpoint);
  if (request.type === "begin") {
    messages = updates = bytes = last = 0;
    latencies = [];
  }
  const report = { messages, updates, bytes, last, closed: subscribers.filter(({ closed }) => closed).length };
  if (request.type !== "finish") return { ok: true, report };
  const samples = { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), count: latencies.length };
  return { ok: true, report, samples };
}

process.on("message", (request: CrowdRequest) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) => process.send?.({ ok: false, reason: String(error) } satisfies CrowdReply),
  );
});
// Nobody is left to report to.
process.on("disconnect", () => process.exit(0));
