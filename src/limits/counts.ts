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

/** What waits, of each account and in all, up to a number. */
export class Waiting {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #byAccount = new Counts();
  #all = 0;

  constructor(most: number, mostOfOne: number) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  isFull(account: string): boolean {
    return this.#all >= this.#most || this.#byAccount.of(account) >= this.#mostOfOne;
  }

  add(account: string, by: number): void {
    this.#all += by;
    this.#byAccount.add(account, by);
  }
}
