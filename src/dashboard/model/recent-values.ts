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
  readonly #span: number;
  readonly #since: number;
  /** By the second, oldest first. A second without updates has no count. */
  readonly #counts = new Map<number, number>();

  /** `span`: how many whole seconds are kept. `now`: when counting begins. */
  constructor(span: number, now: number) {
    this.#span = span;
    this.#since = secondOf(now);
  }

  add(count: number, now: number): void {
    const second = secondOf(now);
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + count);
    for (const old of this.#counts.keys()) {
      if (old >= second - this.#span) break;
      this.#counts.delete(old);
    }
  }

  /** The average per second over the last whole `seconds`, or over fewer if counting began later. */
  over(seconds: number, now: number): number {
    const sum = this.past(seconds, now).reduce((sum, count) => sum + count, 0);
    return sum / Math.min(seconds, Math.max(1, secondOf(now) - this.#since));
  }

  /** The counts of the last whole `seconds`, oldest first. */
  past(seconds: number, now: number): number[] {
    const first = secondOf(now) - seconds;
    return Array.from({ length: seconds }, (_, i) => this.#counts.get(first + i) ?? 0);
  }
}

const secondOf = (ms: number): number => Math.floor(ms / 1000);
