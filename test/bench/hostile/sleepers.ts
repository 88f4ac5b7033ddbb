import { clock, pause } from "../load/clock.ts";
import { CpuMeter } from "../load/cpu.ts";
import { fillFeed, FULL, LOG, SMALL, type Filling } from "./feeds.ts";
import { publishBy } from "./publishing.ts";
import { prefixes } from "./reading.ts";
import { HostileSocket } from "./socket.ts";
import { cameFrom, type HostileTarget } from "./target.ts";

/** Milliseconds after which an object has hibernated. */
const PAUSE = 12_000;
/** Milliseconds for what goes on after the answer. */
const AFTERWARDS = 500;

/** Sockets of a feed that hibernates, and what wakes it. */
export interface Sleepers {
  readonly name: string;
  readonly filling: Filling;
  readonly count: number;
  readonly query: (i: number) => string;
  /** The share of the filling that is published again while the sockets are there, and that none of them selects. */
  readonly missed?: number;
  /** Wakes the feed; a publish by default. */
  readonly wake?: (sockets: readonly HostileSocket[]) => void;
}

/** 30 prefixes of its own: a group of its own that gets little. */
const own = (i: number): string => `keys=${prefixes(i).split(",").slice(0, 30).join(",")},own${i}`;

export const SLEEPERS: readonly Sleepers[] = [
  { name: "first publish after a pause, nobody there", filling: LOG, count: 0, query: () => "" },
  {
    name: "the same, 40 sockets, all, of selections of their own",
    filling: LOG,
    count: 40,
    query: (i) => `mode=all&${own(i)}`,
    missed: 0.5,
  },
  { name: "the same, at its limits, nobody there", filling: FULL, count: 0, query: () => "", missed: 0.5 },
  {
    name: "the same, 500 sockets, latest, of selections of their own",
    filling: FULL,
    count: 500,
    query: own,
    missed: 0.5,
  },
  { name: "the same, 500 sockets of everything", filling: SMALL, count: 500, query: () => "" },
  {
    name: "close of a hibernated socket",
    filling: FULL,
    count: 20,
    query: () => "keys=none",
    wake: ([socket]) => socket?.end(),
  },
  {
    name: "ack of a hibernated socket",
    filling: FULL,
    count: 20,
    query: () => "keys=none",
    wake: ([socket]) => socket?.send('{"type":"ack","seq":1}'),
  },
];

/** Milliseconds: a publish while awake, the first publish that wakes the feed, and the CPU of waking. */
export async function wakeUp(
  pid: number,
  target: HostileTarget,
  { filling, count, query, missed = 0, wake }: Sleepers,
): Promise<{ calm: number; one: number; cpu: number }> {
  const timed = async (): Promise<number> => {
    const start = clock();
    const result = await publishBy(target, '{"key":"probe","set":{"n":1}}');
    if (result !== "200") throw new Error(`a POST answered ${result}`);
    return clock() - start;
  };
  await timed();
  const calm = Math.max(await timed(), await timed(), await timed());
  const sockets: HostileSocket[] = [];
  try {
    for (let i = 0; i < count; i++) {
      // So many selections come from several client IPs.
      const socket = await HostileSocket.open(target, query(i), cameFrom(`203.0.113.${Math.floor(i / 100)}`));
      await socket.until(() => socket.snapshots > 0);
      sockets.push(socket);
    }
    if (missed > 0) await fillFeed(target, filling, missed);
    await pause(PAUSE);
    const meter = new CpuMeter(async () => [pid]);
    await meter.begin();
    wake?.(sockets);
    const one = wake ? NaN : await timed();
    await pause(AFTERWARDS);
    const { serverSeconds } = await meter.end();
    return { calm, one, cpu: serverSeconds * 1_000 };
  } finally {
    for (const socket of sockets) socket.end();
  }
}
