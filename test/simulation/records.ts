import type { EncodedMessage } from "../../src/feed/fanout/encoded-message.ts";
import type { Region } from "../../src/placement/regions.ts";
import { Delays } from "./delays.ts";
import type { SimulatedTime, Thread } from "./time.ts";
import type { Watcher } from "./watcher.ts";
import { oneWay } from "./world.ts";

/** What a simulation does at the moment. */
export type Phase = "they come" | "all are there" | "they leave";

/** Milliseconds of an object's thread. All of them are from this project's own benchmarks on workerd. */
export const WORK = {
  /** A message to a subscriber. */
  message: 0.03,
  /** A call between two objects, at each of them. */
  call: 0.1,
  /** A subscriber that comes; one that is sent elsewhere. */
  subscribe: 0.2,
  redirect: 0.05,
} as const;

const MOST_FAULTS = 20;

/** What a simulation has seen. */
export class Records {
  /** When each seq was committed, by the simulated clock. */
  readonly committedAt: number[] = [0];
  phase: Phase = "they come";
  /** What must not happen. */
  readonly faults: string[] = [];
  messages = 0;
  /** From a subscriber's first request to its snapshot. */
  readonly joins = new Delays();
  /** The longest delay, at objects without trouble, since the last look. */
  worst = 0;
  /** When the last update came to any subscriber. */
  lastArrival = 0;
  /** Calls to and from the leader over its links. */
  readonly calls = { push: 0, follow: 0, report: 0 };

  fault(what: string): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push(what);
  }
}

/** A message, and what of it is needed here. */
interface Head {
  /** Undefined in a snapshot. */
  readonly from: number | undefined;
  readonly seq: number;
}

interface Tally extends Head {
  readonly message: EncodedMessage;
  readonly counts: Map<Region, number>;
}

const heads = new WeakMap<EncodedMessage, Head>();

function headOf(message: EncodedMessage): Head {
  const known = heads.get(message);
  if (known) return known;
  const from = /^\{"type":"update","from":([0-9]+),/.exec(message.text.slice(0, 60))?.[1];
  const head = { from: from === undefined ? undefined : Number(from), seq: message.position?.seq ?? -1 };
  heads.set(message, head);
  return head;
}

/**
 * What one object sends. Each message takes its thread some time, and counts as sent when all that the thread does in this
 * turn is done. Every subscriber's messages are checked: each must begin where the one before has ended.
 */
export class Deliveries {
  readonly delays = new Map<Phase, Delays>();
  /** Whether its link is cut or slow, or was: its delays are counted apart. */
  trouble: string | undefined;
  readonly #time: SimulatedTime;
  readonly #records: Records;
  readonly #region: Region;
  readonly #thread: Thread;
  #tallies: Tally[] = [];

  constructor(time: SimulatedTime, records: Records, region: Region, thread: Thread) {
    this.#time = time;
    this.#records = records;
    this.#region = region;
    this.#thread = thread;
    thread.afterEvent = () => this.#count();
  }

  send(message: EncodedMessage, watcher: Watcher): void {
    this.#time.work(WORK.message);
    this.#records.messages++;
    let tally = this.#tallies.at(-1);
    if (tally?.message !== message) this.#tallies.push((tally = { ...headOf(message), message, counts: new Map() }));
    const { from, seq, counts } = tally;
    if (from === undefined) {
      if (watcher.seq < 0) this.#records.joins.add(this.#arrival(watcher.region) - watcher.askedAt, 1);
      else this.#records.fault(`a subscriber at ${watcher.seq} got a snapshot`);
    } else {
      if (from !== watcher.seq) this.#records.fault(`a subscriber at ${watcher.seq} got an update from ${from}`);
      counts.set(watcher.region, (counts.get(watcher.region) ?? 0) + 1);
    }
    watcher.seq = seq;
  }

  #arrival(region: Region): number {
    return Math.max(this.#time.now, this.#thread.busyUntil) + oneWay(this.#region, region);
  }

  #count(): void {
    if (this.#tallies.length === 0) return;
    const { committedAt, phase } = this.#records;
    let delays = this.delays.get(phase);
    if (!delays) this.delays.set(phase, (delays = new Delays()));
    for (const { from = Infinity, seq, counts } of this.#tallies) {
      for (const [region, count] of counts) {
        const arrival = this.#arrival(region);
        for (let of = from + 1; of <= seq; of++) delays.add(arrival - (committedAt[of] ?? 0), count);
        this.#records.lastArrival = Math.max(this.#records.lastArrival, arrival);
        const longest = arrival - (committedAt[from + 1] ?? 0);
        if (this.trouble === undefined) this.#records.worst = Math.max(this.#records.worst, longest);
      }
    }
    this.#tallies = [];
  }
}
