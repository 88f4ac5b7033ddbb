import { Counts } from "../../limits/counts.ts";

/** Milliseconds for which a visit counts. */
const WINDOW = 10 * 60_000;
/** Feeds that do not exist and that one account may watch, as each takes an object: far more than an office needs. */
const VISITS_OF_AN_ACCOUNT = 100;
/** Visits remembered at a time. Beyond that the oldest are forgotten. */
const REMEMBERED = 20_000;

interface Visit {
  readonly feed: string;
  readonly account: string;
  readonly at: number;
}

/** Which accounts have lately watched which feeds that do not exist. In memory only. Times are milliseconds. */
export class Visits {
  /** Oldest first. */
  readonly #visits = new Map<string, Visit>();
  readonly #byAccount = new Counts();
  readonly #byFeed = new Counts();

  has(feed: string, now: number): boolean {
    this.#expire(now);
    return this.#byFeed.of(feed) > 0;
  }

  /** Returns false if the account watches too many feeds. Several visits to one feed count once. */
  add(feed: string, account: string, now: number): boolean {
    this.#expire(now);
    // No feed's name has a space.
    const id = `${feed} ${account}`;
    const known = this.#visits.get(id);
    if (known) this.#remove(id, known);
    else if (account !== "" && this.#byAccount.of(account) >= VISITS_OF_AN_ACCOUNT) return false;
    const [oldest] = this.#visits;
    if (oldest && this.#visits.size >= REMEMBERED) this.#remove(...oldest);
    this.#visits.set(id, { feed, account, at: now });
    this.#byAccount.add(account, 1);
    this.#byFeed.add(feed, 1);
    return true;
  }

  #expire(now: number): void {
    for (const [id, visit] of this.#visits) {
      if (now - visit.at < WINDOW) return;
      this.#remove(id, visit);
    }
  }

  #remove(id: string, { feed, account }: Visit): void {
    this.#visits.delete(id);
    this.#byAccount.add(account, -1);
    this.#byFeed.add(feed, -1);
  }
}
