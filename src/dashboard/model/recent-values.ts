/** Points in the trend of one key. */
const POINTS = 60;
/** Milliseconds of one point. A trend shows a minute, however often its key changes. */
const STEP = 1000;
/** Keys that have a trend, the ones that changed last: some 5 MB. */
const MAX_KEYS = 10_000;

interface Trend {
  readonly values: number[];
  at: number;
}

/** The last values of one number, for each key. Time is an argument, in milliseconds. */
export class Trends {
  readonly #trends = new Map<string, Trend>();

  /** A key's last values, oldest first. */
  get(key: string): readonly number[] | undefined {
    return this.#trends.get(key)?.values;
  }

  add(key: string, value: number, now: number): void {
    const trend = this.#trends.get(key);
    if (trend === undefined) {
      const [oldest] = this.#trends.size >= MAX_KEYS ? this.#trends.keys() : [];
      if (oldest !== undefined) this.#trends.delete(oldest);
      this.#trends.set(key, { values: [value], at: now });
      return;
    }
    if (now - trend.at < STEP && trend.values.length > 1) {
      trend.values[trend.values.length - 1] = value;
      return;
    }
    trend.values.push(value);
    if (trend.values.length > POINTS) trend.values.shift();
    trend.at = now;
    // A Map keeps the order in which keys are added: this key becomes the newest again.
    this.#trends.delete(key);
    this.#trends.set(key, trend);
  }

  remove(key: string): void {
    this.#trends.delete(key);
  }

  clear(): void {
    this.#trends.clear();
  }
}

/** With fewer values than this, the line does not fill the width, and begins further to the right. */
const FEW = 20;

/**
 * The points of a line through the values, for an SVG `polyline` of that size. The lowest value is at the bottom, the
 * highest at the top. If all values are equal, the line is in the middle. Fewer than two values give no line.
 * `floor`: a value that is at the bottom in any case, such as 0 for counts.
 */
export function linePoints(values: readonly number[], width: number, height: number, floor?: number): string {
  if (values.length < 2) return "";
  let low = floor ?? Number.POSITIVE_INFINITY;
  let high = floor ?? Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const range = high - low;
  const step = width / Math.max(FEW, values.length - 1);
  const left = width - step * (values.length - 1);
  let points = "";
  for (const [index, value] of values.entries()) {
    const up = range > 0 ? (value - low) / range : floor === undefined ? 0.5 : 0;
    // One pixel from the edges, so that the whole width of the line stays inside.
    points += `${(left + index * step).toFixed(1)},${(height - 1 - up * (height - 2)).toFixed(1)} `;
  }
  return points.trimEnd();
}

/** Counts updates by the second. Time is an argument, in milliseconds. */
export class UpdateRate {
  readonly #counts: number[];
  /** The second that each count is of. The arrays are rings: an old count stays until it is overwritten. */
  readonly #seconds: number[];
  readonly #since: number;

  /** `span`: how many whole seconds are kept. `now`: when counting begins. */
  constructor(span: number, now: number) {
    this.#counts = Array.from({ length: span + 1 }, () => 0);
    this.#seconds = Array.from({ length: span + 1 }, () => -1);
    this.#since = Math.floor(now / 1000);
  }

  add(count: number, now: number): void {
    const second = Math.floor(now / 1000);
    const slot = second % this.#counts.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
  }

  /** The average per second over the last whole `seconds`, or over fewer if counting began later. */
  over(seconds: number, now: number): number {
    const second = Math.floor(now / 1000);
    let sum = 0;
    for (let past = second - seconds; past < second; past++) sum += this.#at(past);
    return sum / Math.min(seconds, Math.max(1, second - this.#since));
  }

  /** The counts of the last whole `seconds`, oldest first. */
  past(seconds: number, now: number): number[] {
    const second = Math.floor(now / 1000);
    return Array.from({ length: seconds }, (_, i) => this.#at(second - seconds + i));
  }

  #at(second: number): number {
    const slot = ((second % this.#counts.length) + this.#counts.length) % this.#counts.length;
    return this.#seconds[slot] === second ? (this.#counts[slot] ?? 0) : 0;
  }
}
