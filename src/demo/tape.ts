import { PublishRefusedError, type Publisher, type Receipt } from "../publisher/index.ts";
import type { Market } from "./market.ts";
import type { Update } from "./update.ts";

/** The most updates that one POST may carry. */
const BATCH_MAX = 1_000;

/**
 * Publishes what happens on a market: what changed, each time as a batch. While the server is away it is the whole entry of
 * each stock, of which the publisher keeps the latest, so that memory is bounded however long that lasts.
 */
export class Tape {
  readonly #market: Market;
  readonly #publisher: Pick<Publisher, "publish" | "status">;
  readonly #refused: () => void;
  readonly #awaited = new WeakSet<Promise<Receipt>>();
  #epoch: string | undefined;

  /** `refused` is called when the server refuses updates for good. */
  constructor(market: Market, publisher: Pick<Publisher, "publish" | "status">, refused: () => void) {
    this.#market = market;
    this.#publisher = publisher;
    this.#refused = refused;
  }

  /** Publishes what happened until `now`, in milliseconds since 1970. */
  tick(now: number): void {
    const updates = this.#market.advance(now);
    if (this.#publisher.status.state === "away") for (const entry of this.#market.entries()) this.#publish(entry);
    else for (let at = 0; at < updates.length; at += BATCH_MAX) this.#publish(updates.slice(at, at + BATCH_MAX));
  }

  #publish(updates: Update | Update[]): void {
    const receipt = this.#publisher.publish(updates);
    // An entry that takes an earlier one's place gets the same promise again; listeners would add up on it.
    if (this.#awaited.has(receipt)) return;
    this.#awaited.add(receipt);
    void this.#settle(receipt);
  }

  async #settle(receipt: Promise<Receipt>): Promise<void> {
    try {
      const { epoch } = await receipt;
      // The feed was reset: it has lost what was published before.
      if (this.#epoch !== undefined && this.#epoch !== epoch) this.#market.reopen();
      this.#epoch = epoch;
    } catch (error) {
      if (error instanceof PublishRefusedError) this.#refused();
      // Whatever of it is missing now, whole entries make up for.
      else this.#market.reopen();
    }
  }
}
