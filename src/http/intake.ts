import type { Caller } from "../access/access.ts";
import { PolledQueue, type Ticket } from "../limits/polled-queue.ts";
import { PUBLISH_WEIGHT, type NoRoom, type Rate } from "../limits/quotas.ts";
import { TokenBuckets } from "../limits/token-bucket.ts";
import { SteadyClock } from "../durable/steady-clock.ts";
import { LIMITS } from "../protocol/limits.ts";
import { Problem } from "./problem.ts";

/** Bytes of a body that come in one go, or nearly. */
export const SHORT = 16 * 1024;

/** Of one caller's bodies, and of all, that this isolate holds at a time while they come. It has 128 MB. */
const OF_ONE = 24 * 1024 * 1024;
const OF_ALL = 48 * 1024 * 1024;
/** The same of one token, and of all that have no static key: keys find room, whatever tokens do. */
const OF_ONE_TOKEN = OF_ALL / 4;
const WITHOUT_KEY = (3 / 4) * OF_ALL;
/** Milliseconds after which a body that is held is forgotten: its request was cancelled, and could not say so. */
const FORGOTTEN = LIMITS.bodyTime + 10_000;

const clock = new SteadyClock(() => Date.now());
const now = (): number => clock.now();

/**
 * Bodies are taken apart in this isolate's one thread, and then by the feed's: those that are long wait by turns, and
 * of one caller only so much is handed to a feed before it has answered.
 */
const line = new PolledQueue(
  {
    atOnce: { perSecond: 2 * 1024 * 1024, burst: 64 * 1024 },
    turn: 64 * 1024,
    // A megabyte takes some 15 ms here, and as much where it is published.
    pace: 80 / (1024 * 1024),
    inHand: 2 * 1024 * 1024,
    perAccount: 12 * 1024 * 1024,
    size: 24 * 1024 * 1024,
    rest: 20 / (1024 * 1024),
  },
  now,
);

/** Whose body it is. */
export type Sender = Pick<Caller, "id" | "kind">;

/** A body that is on its way. */
export interface Holding {
  /** Notes that so many bytes have come. Refuses them where the sender holds too much already, or all together do. */
  grow(bytes: number): void;
  release(): void;
}

interface Held {
  readonly sender: Sender;
  bytes: number;
  readonly until: number;
}

/** In the order in which they came, and so in that in which they are forgotten. */
const held = new Set<Held>();
const heldBy = new Map<string, number>();
let heldByKeys = 0;
let heldByOthers = 0;

/** Holds a body until `release`: what has come of it, and not what was said to come. Its connection counts as `SHORT`. */
export function hold(sender: Sender): Holding {
  for (const one of held) {
    if (one.until >= now()) break;
    drop(one);
  }
  const one: Held = { sender, bytes: 0, until: now() + FORGOTTEN };
  let arrived = 0;
  const grow = (bytes: number): void => {
    arrived += bytes;
    const more = Math.max(SHORT, arrived) - one.bytes;
    if (more <= 0) return;
    demandSpace(sender, more);
    one.bytes += more;
    if (held.has(one)) count(sender, more);
  };
  demandSpace(sender, SHORT);
  held.add(one);
  grow(0);
  return { grow, release: () => drop(one) };
}

function demandSpace({ id, kind }: Sender, more: number): void {
  const isKey = kind === "key";
  if ((heldBy.get(id) ?? 0) + more > (isKey ? OF_ONE : OF_ONE_TOKEN)) throw noRoom("rate_limited");
  if (heldByKeys + heldByOthers + more > OF_ALL) throw noRoom("overloaded");
  if (!isKey && heldByOthers + more > WITHOUT_KEY) throw noRoom("overloaded");
}

function drop(one: Held): void {
  if (held.delete(one)) count(one.sender, -one.bytes);
}

function count({ id, kind }: Sender, bytes: number): void {
  if (kind === "key") heldByKeys += bytes;
  else heldByOthers += bytes;
  const left = (heldBy.get(id) ?? 0) + bytes;
  if (left > 0) heldBy.set(id, left);
  else heldBy.delete(id);
}

/** Does work for a caller in its turn. `keep` is handed what has to go on though the request may be broken off. */
export async function inTurn<T>(
  { id, kind }: Sender,
  size: number,
  work: () => Promise<T>,
  keep: (going: Promise<unknown>) => void,
): Promise<T> {
  const place = line.enter(id, size, kind === "key");
  if (typeof place === "string") throw noRoom(place);
  if (!place) return work();
  const going = waitAndWork(place, work);
  keep(going.catch(() => {}));
  return going;
}

/** Does long work a step at a time, with a pause after each; what a step yields is the work that it was. */
export async function inSteps<T>(steps: Generator<number, T>): Promise<T> {
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) {
    const pause = line.rest(step.value);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return step.value;
}

async function waitAndWork<T>(place: Ticket, work: () => Promise<T>): Promise<T> {
  for (let wait = line.wait(place); wait > 0; wait = line.wait(place)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  try {
    return await work();
  } finally {
    line.leave(place);
  }
}

/** What callers may have refused, by the rate at which they may publish. */
const refused = new WeakMap<Rate, TokenBuckets>();

/**
 * Takes what a body costs that was refused when it was taken apart, which took as long as if it were published. Whoever
 * owes too much has to wait with what comes next.
 */
export function spendOnRefusal(rate: Rate, caller: string, bytes: number): void {
  const buckets = refused.get(rate) ?? new TokenBuckets(rate);
  refused.set(rate, buckets);
  buckets.take(caller, now(), 1 + bytes / PUBLISH_WEIGHT);
}

/** Refuses a body of a caller that had as many refused as it may. */
export function demandCredit(rate: Rate, caller: string, bytes: number): void {
  const wait = refused.get(rate)?.wait(caller, now(), 1 + bytes / PUBLISH_WEIGHT) ?? 0;
  if (wait === 0) return;
  throw new Problem("rate_limited", "Too much that was wrong has been sent. Send less.", {
    headers: { "Retry-After": String(Math.ceil(wait / 1000)) },
  });
}

function noRoom(code: NoRoom): Problem {
  return new Problem(code, "Too much is being published at once. Send it again.", { headers: { "Retry-After": "1" } });
}
