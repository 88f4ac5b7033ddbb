import type { Random } from "./random.ts";
import { Stock, type MarketUpdate } from "./stock.ts";
import { SYMBOLS, type SymbolSpec } from "./symbols.ts";

/** After a longer pause (milliseconds), such as a laptop's sleep, the market replays only this much. */
const CATCH_UP_MS = 5_000;

interface MarketOptions {
  random: Random;
  /** Updates a second, of all symbols together, on the average. */
  rate: number;
  /** When the market begins, in milliseconds since 1970. */
  start: number;
  symbols?: readonly SymbolSpec[];
}

/** A made-up market. It depends only on the random draws and on the time that it is given. */
export class Market {
  readonly #stocks: Stock[];
  #now: number;
  #whole = true;

  constructor({ random, rate, start, symbols = SYMBOLS }: MarketOptions) {
    const weight = symbols.reduce((sum, { activity }) => sum + activity, 0);
    this.#stocks = symbols.map((spec) => new Stock(spec, random, (rate * spec.activity) / weight, start));
    this.#now = start;
  }

  /**
   * What happened between the last call and `now` (milliseconds since 1970), oldest first: patches with the changed fields
   * only. The first call, and the first after `reopen`, begins with the whole entry of each symbol.
   */
  advance(now: number): MarketUpdate[] {
    this.#skip(now - this.#now);
    const updates = this.#whole ? this.entries() : [];
    this.#whole = false;
    for (let due = this.#nextDue(now); due; due = this.#nextDue(now)) {
      const update = due.step();
      if (update) updates.push(update);
    }
    this.#now = now;
    return updates;
  }

  /** The whole entry of each symbol at this moment. */
  entries(): MarketUpdate[] {
    return this.#stocks.map((stock) => stock.snapshot(this.#now));
  }

  /** Lets the next `advance` return whole entries, because the feed has lost them. */
  reopen(): void {
    this.#whole = true;
  }

  #skip(elapsed: number): void {
    // If the clock was set back, so is the market. Otherwise it would stand still until that time comes again.
    const missed = elapsed < 0 ? elapsed : Math.max(0, elapsed - CATCH_UP_MS);
    if (missed === 0) return;
    this.#now += missed;
    for (const stock of this.#stocks) stock.shift(missed);
  }

  #nextDue(now: number): Stock | undefined {
    let first: Stock | undefined;
    for (const stock of this.#stocks) {
      if (stock.activity.next <= (first?.activity.next ?? now)) first = stock;
    }
    return first;
  }
}
