import { steadyClock } from "../limits/steady-clock.ts";
import { PolledQueue, type Ticket } from "../limits/polled-queue.ts";
import { PUBLISH_WEIGHT } from "../limits/quotas.ts";
import { TokenBuckets } from "../limits/token-bucket.ts";
import { tooMuchAtOnce, type Sender } from "./arriving-bodies.ts";
import type { Deployment } from "./deployment.ts";
import { Problem } from "./problem.ts";

const now = steadyClock();

/**
 * A body is parsed in this isolate's only thread and then applied in the feed's. Long ones take turns, and only so much of
 * one caller is handed to a feed before the feed has answered.
 */
const queue = new PolledQueue(
  {
    atOnce: { perSecond: 2 * 1024 * 1024, burst: 64 * 1024 },
    turn: 64 * 1024,
    // A megabyte takes some 15 ms here, and as much in the feed's object.
    pace: 80 / (1024 * 1024),
    inHand: 2 * 1024 * 1024,
    perAccount: 12 * 1024 * 1024,
    size: 24 * 1024 * 1024,
    rest: 20 / (1024 * 1024),
  },
  now,
);

/** Does work for a sender when its turn comes. `keep` gets what has to go on even if the request is broken off. */
export function inTurn<T>(
  { id, kind }: Sender,
  size: number,
  work: () => Promise<T>,
  keep: (going: Promise<unknown>) => void,
): Promise<T> {
  const ticket = queue.enter(id, size, kind === "key");
  if (typeof ticket === "string") throw tooMuchAtOnce(ticket);
  if (!ticket) return work();
  const going = waitAndWork(ticket, work);
  keep(going.catch(() => {}));
  return going;
}

async function waitAndWork<T>(ticket: Ticket, work: () => Promise<T>): Promise<T> {
  for (let wait = queue.wait(ticket); wait > 0; wait = queue.wait(ticket)) await sleep(wait);
  try {
    return await work();
  } finally {
    queue.leave(ticket);
  }
}

/** Does long work step by step, with a pause after each; short work at once. A step yields how much work it was. */
export function inSteps<T>(steps: Generator<number, T>): T | Promise<T> {
  const first = steps.next();
  return first.done === true ? first.value : goOn(steps, first);
}

async function goOn<T>(steps: Generator<number, T>, first: IteratorResult<number, T>): Promise<T> {
  let step = first;
  for (; step.done !== true; step = steps.next()) await sleep(queue.rest(step.value));
  return step.value;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Limits the bodies that are refused after they were parsed, at the rate of publishing: to parse them took as long as if
 * they were published. A caller that has sent too many has to wait before its next body.
 */
export class RefusedBodies {
  readonly #deployment: Pick<Deployment, "quotas">;
  #buckets: TokenBuckets | undefined;

  constructor(deployment: Pick<Deployment, "quotas">) {
    this.#deployment = deployment;
  }

  spend({ id }: Sender, bytes: number): void {
    this.#buckets ??= new TokenBuckets(this.#deployment.quotas.publish);
    this.#buckets.take(id, now(), 1 + bytes / PUBLISH_WEIGHT);
  }

  /** Refuses a body of a sender that has had too many refused. */
  demandCredit({ id }: Sender, bytes: number): void {
    const wait = this.#buckets?.wait(id, now(), 1 + bytes / PUBLISH_WEIGHT) ?? 0;
    if (wait === 0) return;
    throw new Problem("rate_limited", "Too much that was wrong has been sent. Send less.", {
      retryAfter: Math.ceil(wait / 1000),
    });
  }
}
