import { Counts } from "../../limits/counts.ts";

/** Milliseconds for which a visit counts. */
const WINDOW = 10 * 60_000;
/** Feeds of nobody's that one address or token may watch: each takes an object. Far more than a page or an office waits for. */
const OF_ONE = 100;
/** Visits remembered at a time; past it the oldest are forgotten. */
const REMEMBERED = 20_000;

interface Visit {
  readonly feed: string;
  readonly owner: string;
  readonly at: number;
}

/** Who has lately watched which feeds that nobody has published to. In memory only. Times are milliseconds. */
export class Visits {
  /** Oldest first. */
  readonly #visits = new Map<string, Visit>();
  readonly #byOwner = new Counts();
  readonly #byFeed = new Counts();

  has(feed: string, now: number): boolean {
    this.#expire(now);
    return this.#byFeed.of(feed) > 0;
  }

  /** False where `owner` watches too many; coming back to one counts once. */
  add(feed: string, owner: string, now: number): boolean {
    this.#expire(now);
    // No feed's name has a space.
    const id = `${feed} ${owner}`;
    const known = this.#visits.get(id);
    if (known) this.#remove(id, known);
    else if (owner !== "" && this.#byOwner.of(owner) >= OF_ONE) return false;
    const [oldest] = this.#visits;
    if (oldest && this.#visits.size >= REMEMBERED) this.#remove(...oldest);
    this.#visits.set(id, { feed, owner, at: now });
    this.#byOwner.add(owner, 1);
    this.#byFeed.add(feed, 1);
    return true;
  }

  #expire(now: number): void {
    for (const [id, visit] of this.#visits) {
      if (now - visit.at < WINDOW) return;
      this.#remove(id, visit);
    }
  }

  #remove(id: string, { feed, owner }: Visit): void {
    this.#visits.delete(id);
    this.#byOwner.add(owner, -1);
    this.#byFeed.add(feed, -1);
  }
}
