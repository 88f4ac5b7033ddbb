import { Listing } from "./listing.ts";
import type { Random } from "./random.ts";
import { SYMBOLS, type SymbolSpec } from "./symbols.ts";
import type { Update } from "./update.ts";

/** After a longer pause (milliseconds), such as a suspended laptop's, only this much is made up for. */
const CATCH_UP_MS = 5_000;

interface MarketOptions {
  random: Random;
  /** Updates a second, of all symbols together, on the average. */
  rate: number;
  /** When the market begins, in milliseconds since 1970. */
  start: number;
  symbols?: readonly SymbolSpec[];
}

/** A made-up market. What happens follows from the random draws alone, and from no clock but the one that it is told. */
export class Market {
  readonly #listings: Listing[];
  #now: number;
  #whole = true;

  constructor({ random, rate, start, symbols = SYMBOLS }: MarketOptions) {
    const weight = symbols.reduce((sum, { activity }) => sum + activity, 0);
    this.#listings = symbols.map((spec) => new Listing(spec, random, (rate * spec.activity) / weight, start));
    this.#now = start;
  }

  /**
   * What happened since the last call and until `now` (milliseconds since 1970), oldest first: patches with the changed
   * fields only. The first call, and the first after `reopen`, begins with the whole entry of every symbol.
   */
  advance(now: number): Update[] {
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

  /** Every symbol's whole entry, as it is now. */
  entries(): Update[] {
    return this.#listings.map((listing) => listing.snapshot(this.#now));
  }

  /** Has the next `advance` send every entry whole, because whoever had them has lost them. */
  reopen(): void {
    this.#whole = true;
  }

  #skip(elapsed: number): void {
    // A clock that was set back takes the market along, or it would stand still until that time has come again.
    const missed = elapsed < 0 ? elapsed : Math.max(0, elapsed - CATCH_UP_MS);
    if (missed === 0) return;
    this.#now += missed;
    for (const listing of this.#listings) listing.shift(missed);
  }

  #nextDue(now: number): Listing | undefined {
    let first: Listing | undefined;
    for (const listing of this.#listings) {
      if (listing.activity.next <= (first?.activity.next ?? now)) first = listing;
    }
    return first;
  }
}
