import { Activity } from "./activity.ts";
import { exponential, normal, type Random } from "./random.ts";
import type { SymbolSpec } from "./symbols.ts";

/** Seconds of trading in a day, over which a symbol's daily volatility spreads. */
const DAY_SECONDS = 6.5 * 3600;
/** Time constant (seconds) with which a price drifts back to its open. A demo that runs for weeks stays plausible. */
const REVERSION_SECONDS = 2 * 3600;
const TRADE_SHARE = 0.35;

/** The fields of a stock. In a patch, `null` removes a field. */
export type StockFields = Record<string, number | string | boolean | null>;

/** One change of one stock, in the publish format of `POST /v1/feeds/{feed}`. `time` is in milliseconds since 1970. */
export type MarketUpdate = { key: string; time?: number } & ({ set: StockFields } | { patch: StockFields });

/** One symbol's market: an order book's best prices, and the trades at them. Prices are counted in whole ticks. */
export class Stock {
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
  #fields: StockFields;

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
  snapshot(time: number): MarketUpdate {
    return { key: this.#spec.key, set: { ...this.#fields }, time: Math.floor(time) };
  }

  /** Runs the next event. Returns what changed, or undefined if no figure changed. */
  step(): MarketUpdate | undefined {
    const at = this.activity.next;
    this.#move((at - this.#changedAt) / 1000);
    this.#changedAt = at;
    const changed: StockFields = { ...this.#quote() };
    // The best prices can only pass the last price if there is a trade.
    const passed = this.#last < this.#bid || this.#last > this.#ask;
    if (passed || this.#random() < TRADE_SHARE) Object.assign(changed, this.#trade());
    this.activity.advance();
    const patch: StockFields = {};
    for (const [name, value] of Object.entries(changed)) if (this.#fields[name] !== value) patch[name] = value;
    if (Object.keys(patch).length === 0) return undefined;
    this.#fields = { ...this.#fields, ...patch };
    return { key: this.#spec.key, patch, time: Math.floor(at) };
  }

  /** Skips `ms` milliseconds, in which nothing happens. */
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

  #quote(): StockFields {
    return {
      bid: this.#price(this.#bid),
      bidSize: this.#roundLots(4),
      ask: this.#price(this.#ask),
      askSize: this.#roundLots(4),
    };
  }

  #trade(): StockFields {
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
      // `|| 0`: a fall that is too small to show must not become -0.
      changePercent: Number(((100 * change) / this.#open).toFixed(2)) || 0,
    };
  }

  /** About a third of all trades are odd lots. */
  #tradeSize(): number {
    return this.#random() < 0.65 ? this.#roundLots(2) : 1 + Math.floor(this.#random() * 99);
  }

  #roundLots(mean: number): number {
    return 100 * (1 + Math.floor(exponential(this.#random, mean)));
  }

  /** Ticks as dollars, without the rounding errors of binary fractions. */
  #price(ticks: number): number {
    return Number((ticks * this.#spec.tick).toFixed(this.#decimals));
  }
}
