/** Below it, each millisecond is counted by itself; above it, in steps of about a hundredth. */
const FINE = 4_096;
const STEPS = 64;

/** Counts delays, as many as there are. */
export class Delays {
  readonly #counts = new Float64Array(FINE + STEPS * 12);
  count = 0;
  most = 0;

  add(delay: number, count: number): void {
    const index = delay < FINE ? Math.floor(delay) : FINE + Math.floor(Math.log2(delay / FINE) * STEPS);
    const last = Math.min(index, this.#counts.length - 1);
    this.#counts[last] = (this.#counts[last] ?? 0) + count;
    this.count += count;
    if (delay > this.most) this.most = delay;
  }

  addAll(other: Delays): void {
    for (const [index, count] of other.#counts.entries()) this.#counts[index] = (this.#counts[index] ?? 0) + count;
    this.count += other.count;
    this.most = Math.max(this.most, other.most);
  }

  /** The delay below which such a part of all lies, in milliseconds; 0 if there are none. */
  below(part: number): number {
    let left = this.count * part;
    if (left === 0) return 0;
    for (const [index, count] of this.#counts.entries()) {
      left -= count;
      if (left > 0) continue;
      const end = index < FINE ? index + 1 : FINE * 2 ** ((index - FINE + 1) / STEPS);
      return Math.min(end, this.most);
    }
    return this.most;
  }
}
