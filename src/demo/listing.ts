import { Activity } from "./activity.ts";
import { exponential, normal, type Random } from "./random.ts";
import type { SymbolSpec } from "./symbols.ts";
import type { Fields, Update } from "./update.ts";

/** Seconds of trading in a day, over which a symbol's daily volatility spreads. */
const DAY_SECONDS = 6.5 * 3600;
/** A price drifts back to its open with this time constant (seconds), so a demo left on for weeks stays plausible. */
const REVERSION_SECONDS = 2 * 3600;
const TRADE_SHARE = 0.35;

/** One symbol's market: an order book's best prices, and the trades at them. Prices are counted in whole ticks. */
export class Listing {
  readonly activity: Activity;
  readonly #spec: SymbolSpec;
  readonly #random: Random;
  readonly #decimals: number;
  readonly #open: number;
  /** The logarithm of the price's ratio to its open. */
  #drift = 0;
  #changedAt: number;
  #bid: number;
  #ask: number;
  #last: number;
  #fields: Fields;

  constructor(spec: SymbolSpec, random: Random, rate: number, start: number) {
    this.#spec = spec;
    this.#random = random;
    this.#decimals = Math.round(-Math.log10(spec.tick));
    this.#open = Math.round(spec.open / spec.tick);
    this.#changedAt = start;
    this.activity = new Activity(random, rate, start);
    this.#bid = Math.max(1, this.#open - Math.floor(spec.spread / 2));
    this.#ask = this.#bid + spec.spread;
    this.#last = this.#open;
    const open = this.#price(this.#open);
    this.#fields = {
      name: spec.name,
      ...this.#quote(),
      last: open,
      lastSize: this.#tradeSize(),
      volume: Math.round(spec.activity * 40_000 * (0.5 + random())),
      trades: Math.round(spec.activity * 300 * (0.5 + random())),
      open,
      high: open,
      low: open,
      change: 0,
      changePercent: 0,
    };
  }

  /** The whole entry. */
  snapshot(time: number): Update {
    return { key: this.#spec.key, set: { ...this.#fields }, time: Math.floor(time) };
  }

  /** Lets the next event happen. Returns what changed, or nothing where every figure came out the same. */
  step(): Update | undefined {
    const at = this.activity.next;
    this.#move((at - this.#changedAt) / 1000);
    this.#changedAt = at;
    const changed: Fields = { ...this.#quote() };
    // The best prices pass the last trade only by trading through it.
    const passed = this.#last < this.#bid || this.#last > this.#ask;
    if (passed || this.#random() < TRADE_SHARE) Object.assign(changed, this.#trade());
    this.activity.advance();
    const patch: Fields = {};
    for (const [name, value] of Object.entries(changed)) if (this.#fields[name] !== value) patch[name] = value;
    if (Object.keys(patch).length === 0) return undefined;
    this.#fields = { ...this.#fields, ...patch };
    return { key: this.#spec.key, patch, time: Math.floor(at) };
  }

  /** Moves the market ahead by `ms` in which nothing happened. */
  shift(ms: number): void {
    this.activity.shift(ms);
    this.#changedAt += ms;
  }

  #move(seconds: number): void {
    const { volatility, spread } = this.#spec;
    const { swing, width } = this.activity.mood;
    const deviation = volatility * swing * Math.sqrt(seconds / DAY_SECONDS);
    this.#drift = this.#drift * Math.exp(-seconds / REVERSION_SECONDS) + deviation * normal(this.#random);
    const middle = this.#open * Math.exp(this.#drift);
    const distance = Math.max(1, Math.round(spread * width * Math.exp(0.3 * normal(this.#random))));
    this.#bid = Math.max(1, Math.round(middle - distance / 2));
    this.#ask = this.#bid + distance;
  }

  #quote(): Fields {
    return {
      bid: this.#price(this.#bid),
      bidSize: this.#roundLots(4),
      ask: this.#price(this.#ask),
      askSize: this.#roundLots(4),
    };
  }

  #trade(): Fields {
    this.#last = this.#random() < 0.5 ? this.#bid : this.#ask;
    const last = this.#price(this.#last);
    const size = this.#tradeSize();
    const { volume, trades, high, low } = this.#fields;
    const change = this.#last - this.#open;
    return {
      last,
      lastSize: size,
      volume: Number(volume) + size,
      trades: Number(trades) + 1,
      high: Math.max(Number(high), last),
      low: Math.min(Number(low), last),
      change: this.#price(change),
      // `|| 0`: a fall too small to show is no -0.
      changePercent: Number(((100 * change) / this.#open).toFixed(2)) || 0,
    };
  }

  /** Odd lots are a good third of all trades. */
  #tradeSize(): number {
    return this.#random() < 0.65 ? this.#roundLots(2) : 1 + Math.floor(this.#random() * 99);
  }

  #roundLots(mean: number): number {
    return 100 * (1 + Math.floor(exponential(this.#random, mean)));
  }

  /** Ticks as dollars, without the crumbs of binary fractions. */
  #price(ticks: number): number {
    return Number((ticks * this.#spec.tick).toFixed(this.#decimals));
  }
}
