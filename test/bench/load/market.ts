import { Market } from "../../../src/demo/market.ts";
import { seededRandom } from "../../../src/demo/random.ts";
import type { MarketUpdate } from "../../../src/demo/stock.ts";
import { SYMBOLS } from "../../../src/demo/symbols.ts";

/** Updates after which the market starts over. */
const LENGTH = 5_000;
/** Events a second of the market's own clock. The publishing rate is independent of it. */
const RATE = 500;

/**
 * Market updates, the same in every run. Names, prices and sizes repeat as they do in a real market: what compression
 * saves depends on that.
 */
export class MarketUpdates {
  readonly #entries: readonly string[];
  readonly #patches: readonly string[];

  /** `keys`: the number of symbols, made of those of the demo with several listings each. */
  constructor(keys: number) {
    const symbols = Array.from({ length: keys }, (_, i) => {
      const spec = SYMBOLS[i % SYMBOLS.length];
      if (!spec) throw new RangeError("the demo's market has no symbols");
      const listing = Math.floor(i / SYMBOLS.length);
      return listing === 0 ? spec : { ...spec, key: `${spec.key}.${listing}`, open: spec.open + listing };
    });
    const market = new Market({ random: seededRandom(1), rate: RATE, start: 0, symbols });
    this.#entries = market.entries().map(untimed);
    const patches: string[] = [];
    // The first answer is the whole market.
    market.advance(0);
    for (let now = 0; patches.length < LENGTH; now += 1000) {
      patches.push(...market.advance(now).map(untimed));
    }
    this.#patches = patches;
  }

  /** The whole entry of each key, as updates. */
  get entries(): readonly string[] {
    return this.#entries;
  }

  /** The i-th update: the fields that change, and the present time of day. */
  at(i: number): string {
    const patch = this.#patches[i % this.#patches.length] ?? "";
    return `${patch.slice(0, -1)},"time":${Date.now()}}`;
  }

  /** The i-th `count` updates together. */
  batch(i: number, count: number): string {
    return `[${Array.from({ length: count }, (_, n) => this.at(i * count + n)).join(",")}]`;
  }

  /** The message that the server sends for the i-th update, for a peer that only forwards messages. */
  message(i: number): string {
    return `{"type":"update","from":${i},"seq":${i + 1},"time":${Date.now()},"updates":[${this.at(i)}]}`;
  }
}

function untimed(update: MarketUpdate): string {
  return JSON.stringify({ ...update, time: undefined });
}
