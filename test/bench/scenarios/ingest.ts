import { needSockets } from "../load/files.ts";
import type { Load } from "../load/publisher.ts";
import type { Scenario } from "../scenario.ts";
import { nchan } from "../targets/nchan.ts";
import { withServer } from "../targets/target.ts";
import { unlimited } from "../targets/tickertape.ts";
import { measureFanout } from "./fanout.ts";

const KEYS = 1_000;

interface Pattern {
  readonly isSocket?: boolean;
  readonly load: Load;
  readonly batch: number;
  readonly subscribers: number;
}

const PATTERNS: readonly Pattern[] = [
  { isSocket: true, load: { inFlight: 1 }, batch: 1, subscribers: 1_000 },
  { isSocket: true, load: { inFlight: 16 }, batch: 1, subscribers: 1_000 },
  { isSocket: true, load: { inFlight: 64 }, batch: 1, subscribers: 1_000 },
  { isSocket: true, load: { inFlight: 16 }, batch: 10, subscribers: 1_000 },
  { isSocket: true, load: { inFlight: 16 }, batch: 100, subscribers: 1_000 },
  { load: { inFlight: 16 }, batch: 1, subscribers: 1_000 },
  { load: { inFlight: 256 }, batch: 1, subscribers: 1_000 },
  { isSocket: true, load: { rate: 500 }, batch: 1, subscribers: 1_000 },
  { load: { rate: 100 }, batch: 1, subscribers: 5_000 },
  { isSocket: true, load: { inFlight: 64 }, batch: 1, subscribers: 5_000 },
];

/** Whatever the way and the size of batches, ours are compared with the same of the peer. */
const CONTEST = { of: "ingest", figure: "delivered/s" };

export const ingest: Scenario = {
  name: "ingest",
  about: "publishers that send as much as is taken, over a socket and by POST, to subscribers of everything",
  async prepare(lab) {
    const cases = PATTERNS.map((pattern) => ({
      name: nameOf(pattern),
      contest: { ...CONTEST, isPeer: false },
      run: () =>
        withServer(lab, unlimited, async ({ publish, ...server }) => {
          const { isSocket, subscribers } = pattern;
          await needSockets(subscribers);
          return measureFanout(lab, { ...server, publish: { ...publish, isSocket } }, { keys: KEYS, ...pattern });
        }),
    }));
    if (!((await nchan.isInstalled?.()) ?? true)) return cases;
    const peer = { load: { inFlight: 16 }, batch: 1, subscribers: 1_000 };
    const run = () => withServer(lab, nchan, (server) => measureFanout(lab, server, { keys: KEYS, ...peer }));
    return [...cases, { name: `${nameOf(peer)}, nchan`, contest: { ...CONTEST, isPeer: true }, run }];
  },
};

function nameOf({ isSocket = false, load, batch, subscribers }: Pattern): string {
  const pace = "rate" in load ? `${load.rate}/s` : `${load.inFlight} in flight`;
  const size = batch === 1 ? "single" : `batches of ${batch}`;
  return `${isSocket ? "socket" : "POST"}, ${size}, ${pace}, ${subscribers.toLocaleString("en-US")} subscribers`;
}
