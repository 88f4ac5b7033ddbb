import { memoryOf } from "../../feed/state/entry.ts";
import { Waiting } from "../../limits/counts.ts";
import type { SharedRoom } from "../../limits/fair-queue.ts";
import { isAscii } from "../../protocol/json-scan.ts";
import { readOwnJson } from "../../protocol/json.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import { release, type Leader } from "../links/rpc.ts";
import type { PublishOutcome, PublishRequest } from "../requests/publish-queue.ts";

type AcceptBatch = Pick<DurableObjectStub<Leader>, "acceptBatch">;

/**
 * Bytes of one account's batches that may be on their way to the leader: more than a publisher at the highest rate has where
 * an answer takes a tenth of a second.
 */
const MOST_OF_ONE = 2 * 1024 * 1024;

/** Publishes that came over a replica's sockets, on their way to the leader: it may be slow, or silent. */
export class RemotePublishes {
  readonly #leader: () => AcceptBatch;
  readonly #room: SharedRoom;
  readonly #waiting = new Waiting(Infinity, MOST_OF_ONE);
  /** What publishes go to while any is under way: calls of one stub come in the order in which they were made. */
  #goTo: AcceptBatch | undefined;
  #underWay = 0;

  /** `leader` gives a new stub. `room` is the memory that batches may take. */
  constructor(leader: () => AcceptBatch, room: SharedRoom) {
    this.#leader = leader;
    this.#room = room;
  }

  /** Has the leader accept a batch, under its account and with its limits. Rejects if the leader cannot be reached. */
  async accept({ updates, idempotency, subject }: PublishRequest, account: string): Promise<PublishOutcome> {
    const batch = updates.join("\n");
    const size = memoryOf(batch, isAscii(batch));
    if (this.#waiting.isFull(account)) return refusal("rate_limited");
    if (!this.#room.take(size)) return refusal("overloaded");
    this.#waiting.add(account, size);
    try {
      return await this.#send(batch, account, idempotency, subject);
    } finally {
      this.#waiting.add(account, -size);
      this.#room.give(size);
    }
  }

  async #send(...asked: Parameters<Leader["acceptBatch"]>): Promise<PublishOutcome> {
    const leader = (this.#goTo ??= this.#leader());
    this.#underWay++;
    let outcome: string | PublishOutcome;
    try {
      outcome = await leader.acceptBatch(...asked);
    } catch (error) {
      // It may be broken.
      if (this.#goTo === leader) this.#goTo = undefined;
      throw error;
    } finally {
      if (--this.#underWay === 0) this.#goTo = undefined;
    }
    if (typeof outcome !== "string") {
      release(outcome);
      return outcome;
    }
    return { ok: true, receipt: readOwnJson<Receipt>(outcome), replayed: false };
  }
}

function refusal(code: "rate_limited" | "overloaded"): PublishOutcome {
  return { ok: false, code, detail: "Too much is waiting to be published.", retryAfter: 1 };
}
