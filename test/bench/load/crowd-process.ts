import { serve } from "./child.ts";
import type { CrowdReply, CrowdRequest } from "./crowd.ts";
import { endpointOf, RawSubscriber, type OnMessage } from "./raw-subscriber.ts";
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
  if (isPacked === true) wireTally = await WireTally.begin(count, endpoint);
  const stride = isSparse === true ? 1 : Math.max(1, Math.round(count / SAMPLED_SUBSCRIBERS));
  const others = wireTally?.others ?? count;
  for (let first = 0; first < others; first += CONNECTING_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(CONNECTING_AT_ONCE, others - first) }, (_, i) => first + i);
    const opened = indexes.map((index) => {
      return RawSubscriber.open(endpointOf(endpoint, index), wireTally?.taker() ?? scanner(index, stride));
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
  const read = request.type === "finish" ? wireTally?.read() : undefined;
  const { messages, updates, bytes, first, last } = wireTally ?? tally;
  const report = { messages, updates, bytes, first, last, closed: subscribers.filter(({ closed }) => closed).length };
  if (request.type === "finish") return { report, samples: tally.samples(), ...read };
  if (request.type === "storm") return { report, storm: await storm(request.endpoint, request.count, request.seq) };
  return { report };
}

serve(answer);
