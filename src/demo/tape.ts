import { LIMITS } from "../protocol/limits.ts";
import { PublishRefusedError, type Publisher, type Receipt } from "../publisher/index.ts";
import type { Market } from "./market.ts";
import type { MarketUpdate } from "./stock.ts";

/**
 * Publishes what happens on a market: the changes of each tick as a batch. While the server does not answer, it publishes
 * whole entries instead. The publisher keeps only the latest of each stock, so memory is bounded however long that lasts.
 */
export class Tape {
  readonly #market: Market;
  readonly #publisher: Pick<Publisher, "publish" | "status">;
  readonly #refused: () => void;
  readonly #awaited = new WeakSet<Promise<Receipt>>();
  #epoch: string | undefined;

  /** `refused` is called when the server refuses updates, and trying again would not help. */
  constructor(market: Market, publisher: Pick<Publisher, "publish" | "status">, refused: () => void) {
    this.#market = market;
    this.#publisher = publisher;
    this.#refused = refused;
  }

  /** Publishes what happened until `now`, in milliseconds since 1970. */
  tick(now: number): void {
    const updates = this.#market.advance(now);
    if (this.#publisher.status.state === "away") for (const entry of this.#market.entries()) this.#publish(entry);
    else
      for (let at = 0; at < updates.length; at += LIMITS.batchUpdates)
        this.#publish(updates.slice(at, at + LIMITS.batchUpdates));
  }

  #publish(updates: MarketUpdate | MarketUpdate[]): void {
    const receipt = this.#publisher.publish(updates);
    // An entry that replaces a waiting one gets the same promise. Listeners would pile up on it.
    if (this.#awaited.has(receipt)) return;
    this.#awaited.add(receipt);
    void this.#watch(receipt);
  }

  async #watch(receipt: Promise<Receipt>): Promise<void> {
    try {
      const { epoch } = await receipt;
      // The feed was reset, and has lost what was published before.
      if (this.#epoch !== undefined && this.#epoch !== epoch) this.#market.reopen();
      this.#epoch = epoch;
    } catch (error) {
      if (error instanceof PublishRefusedError) this.#refused();
      // Some updates may be missing now. Whole entries replace them.
      else this.#market.reopen();
    }
  }
}
