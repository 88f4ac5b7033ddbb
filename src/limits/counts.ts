/** How many there are of each name. A name with a count of 0 takes no memory. */
export class Counts {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, by: number): void {
    const sum = this.of(name) + by;
    if (sum > 0) this.#counts.set(name, sum);
    else this.#counts.delete(name);
  }
}
