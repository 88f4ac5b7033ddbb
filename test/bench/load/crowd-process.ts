import type { CrowdReply, CrowdRequest } from "./crowd.ts";
import { RawSubscriber, type OnMessage } from "./raw-subscriber.ts";
import { storm } from "./storm.ts";
import { Tally } from "./tally.ts";
import { WireTally } from "./wire-tally.ts";

/*
 * Many subscribers in a process of their own. Every update is counted; the latency is taken from each update of every
 * n-th message of each subscriber, another message from one subscriber to the next, so that no subscriber and no
 * message is favoured.
 */
const SAMPLED_SUBSCRIBERS = 50;
/** Upgrades at the same time. */
const CONNECTING_AT_ONCE = 50;

const tally = new Tally();
let wireTally: WireTally | undefined;
const subscribers: RawSubscriber[] = [];

async function connect(request: Extract<CrowdRequest, { type: "connect" }>): Promise<void> {
  const { count, endpoint, isSparse, isPacked } = request;
  if (isPacked === true) wireTally = new WireTally(count);
  const stride = isSparse === true ? 1 : Math.max(1, Math.round(count / SAMPLED_SUBSCRIBERS));
  for (let first = 0; first < count; first += CONNECTING_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(CONNECTING_AT_ONCE, count - first) }, (_, i) => first + i);
    const opened = indexes.map((index) => {
      const path = endpoint.path.replace("{i}", String(index));
      return RawSubscriber.open({ ...endpoint, path }, wireTally?.taker(index) ?? scanner(index, stride));
    });
    subscribers.push(...(await Promise.all(opened)));
  }
}

function scanner(index: number, stride: number): OnMessage {
  let received = index;
  return (buffer, start, end, at) => tally.take(++received % stride === 0, buffer, start, end, at);
}

async function answer(request: CrowdRequest): Promise<CrowdReply> {
  if (request.type === "connect") await connect(request);
  if (request.type === "begin") (wireTally ?? tally).reset();
  const read = request.type === "finish" ? await wireTally?.read() : undefined;
  const { messages, updates, bytes, first, last } = wireTally ?? tally;
  const report = { messages, updates, bytes, first, last, closed: subscribers.filter(({ closed }) => closed).length };
  if (request.type === "finish") return { ok: true, report, samples: tally.samples(), ...read };
  if (request.type === "storm") return { ok: true, report, storm: await storm(request) };
  return { ok: true, report };
}

process.on("message", (request: CrowdRequest) => {
  answer(request).then(
    (reply) => process.send?.(reply),
    (error: unknown) => process.send?.({ ok: false, reason: String(error) } satisfies CrowdReply),
  );
});
// The parent is gone.
process.on("disconnect", () => process.exit(0));
