import type { IdempotencyKey } from "../../feed/state/idempotency.ts";
import { FairQueue, type FairQueueLimits, type OtherWork, type SharedRoom } from "../../limits/fair-queue.ts";
import { PUBLISH_WEIGHT, type Rate } from "../../limits/quotas.ts";
import { TokenBuckets } from "../../limits/token-bucket.ts";
import type { ProblemCode, UpdateIssue } from "../../protocol/codes.ts";
import { isAscii } from "../../protocol/json-scan.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import type { EncodedUpdates } from "../../protocol/update.ts";

export interface PublishRequest {
  readonly updates: EncodedUpdates;
  /** The publisher's key for this request, if it gave one. */
  readonly idempotency?: IdempotencyKey | undefined;
  /** Whom the publisher's credential names. */
  readonly subject?: string | undefined;
}

/** What became of a batch. `replayed`: the receipt is of an earlier request. `retryAfter`: seconds. */
export type PublishOutcome = { ok: true; receipt: Receipt; replayed: boolean } | PublishRefusal;

export interface PublishRefusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly issues?: UpdateIssue[];
  readonly retryAfter?: number;
}

/** A megabyte takes some 20 ms of the thread, the smallest batch 0.1 ms. */
export const PUBLISH_QUEUE_LIMITS: FairQueueLimits = {
  // Twice the rate of small batches that one credential may keep up.
  atOnce: { perSecond: 2 * 1024 * 1024, burst: 64 * 1024 },
  // A third of the thread. Many accounts that each keep to their own rate would have all of it.
  allAtOnce: { perSecond: 4 * 1024 * 1024, burst: 128 * 1024 },
  // Some 60 small batches a second.
  little: { perSecond: 64 * 1024, burst: 16 * 1024 },
  turn: 16 * 1024,
  // With other accounts there, half of the time is theirs: a megabyte takes up to 40 ms.
  pace: 60 / (1024 * 1024),
  // What waits is held in the object's memory, and takes from the shared budget besides.
  perAccount: { jobs: 4_000, size: 3 * 1024 * 1024 },
  size: 6 * 1024 * 1024,
};

/** Milliseconds, longer each time, after which a pause looks again if storage has caught up; and how often it looks. */
const LOOK_AGAIN = 2;
const MOST_LOOKS = 20;

/** Milliseconds that a unit of size takes of the thread. */
const WORK_TIME = 3 / (32 * 1024);
/** Milliseconds that a POST takes of it beside that: it is a call, whose answer is one more turn. */
const POST_TIME = 0.05;

/** What publishes and messages share the thread with. */
export interface ThreadShare {
  /** Whether storage has to catch up. */
  isBehind(): boolean;
  /** Whether more has to be sent before more is taken in; `hasLittle`: of a publisher that does not flood. */
  isOwed(hasLittle?: boolean): boolean;
  /** Notes what was taken in, in milliseconds. */
  tookIn(work: number): void;
}

/** Holds each account to its rate, and has long batches wait for their turn. */
export class PublishQueue {
  readonly #rates: TokenBuckets;
  readonly #now: () => number;
  readonly #thread: ThreadShare;
  /** Messages on sockets wait here too: they may carry batches, and each account's work is done in order. */
  readonly turns: FairQueue;

  /** `now` is in milliseconds and never goes back. */
  constructor(rate: Rate, now: () => number, room: SharedRoom, thread: ThreadShare) {
    this.#rates = new TokenBuckets(rate);
    this.#now = now;
    this.#thread = thread;
    const others: OtherWork = {
      isOwed: (hasLittle) => thread.isOwed(hasLittle),
      tookIn: (size) => thread.tookIn(size * WORK_TIME),
    };
    this.turns = new FairQueue(PUBLISH_QUEUE_LIMITS, (milliseconds) => this.#pause(milliseconds), now, room, others);
  }

  /** Takes what a batch of so many characters costs from the account's rate; returns a refusal if that is used up. */
  charge(account: string, length: number): PublishRefusal | undefined {
    const wait = this.#rates.take(account, this.#now(), 1 + length / PUBLISH_WEIGHT);
    if (wait === 0) return undefined;
    const detail = "This credential publishes more than it may.";
    return { ok: false, code: "rate_limited", detail, retryAfter: Math.ceil(wait / 1000) };
  }

  /** Has `accept` take a batch, now or in its turn, if the account's rate allows it and there is room to wait. */
  async run(account: string, updates: EncodedUpdates, accept: () => Promise<PublishOutcome>): Promise<PublishOutcome> {
    let length = 0;
    for (const update of updates) length += update.length;
    const refused = this.charge(account, length);
    if (refused) return refused;
    // The updates may be parts of one text, which is kept as a whole.
    const size = updates.every(isAscii) ? length : 2 * length;
    const running = this.turns.run(account, size, () => {
      this.#thread.tookIn(POST_TIME);
      return accept();
    });
    if (typeof running !== "string") return running;
    return { ok: false, code: running, detail: "Too much is waiting to be published.", retryAfter: 1 };
  }

  /** The pause between two turns: what has come in meanwhile is served, what is due is sent, and storage catches up. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
    // The timer for sending has its turn each time.
    while (this.#thread.isOwed()) await sleep(0);
    for (let looks = 1; this.#thread.isBehind() && looks <= MOST_LOOKS; looks++) await sleep(looks * LOOK_AGAIN);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
