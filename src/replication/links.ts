import type { Position } from "../protocol/position.ts";
import type { RecentRecords } from "./recent-records.ts";

/** What a leader sends a replica. */
export interface Push {
  readonly epoch: string;
  /** The seq before and after the records. */
  readonly from: number;
  readonly seq: number;
  /** Committed records, as lines. Empty if the replica has to ask for what it lacks. */
  readonly records: string;
}

/** A replica's answer: where it is now, and what it serves. */
export interface LinkReport extends Position {
  readonly subscribers: number;
  readonly lagging: number;
}

/** What is known of one link. */
export interface LinkState {
  readonly name: string;
  /** Where the replica is, as far as the leader knows; undefined if it does not. */
  readonly position: Position | undefined;
  /** What the replica last reported; undefined before its first answer. */
  readonly report: LinkReport | undefined;
  /** When the link began to fail, on the steady clock; undefined if the last push was answered. */
  readonly failingSince: number | undefined;
}

export interface LinkPolicy {
  /** Milliseconds from one push to the next over a link. After a quiet time a push goes out at once. */
  readonly window: number;
  /** Pushes that begin in one step. */
  readonly slice: number;
  /** Milliseconds after which a failed push is repeated: the first time, and at most. It doubles in between. */
  readonly retry: readonly [first: number, most: number];
  /** Milliseconds after which a push without an answer counts as failed. */
  readonly silence: number;
  /** Milliseconds of failing after which only a new update, or `wake`, has the push repeated. */
  readonly patience: number;
}

/** Calls to a replica cost some 100 us: a slice takes about 2 ms. */
const LINK_POLICY: LinkPolicy = { window: 20, slice: 25, retry: [100, 10_000], silence: 60_000, patience: 60_000 };

export interface LinkHost {
  /** Sends a push. Call `answered` or `failed` later, never from within. */
  push(name: string, push: Push): void;
}

class Link implements LinkState {
  readonly name: string;
  position: Position | undefined;
  report: LinkReport | undefined;
  isInFlight = false;
  /** When the next push may begin, on the steady clock. */
  notBefore = 0;
  failures = 0;
  failingSince: number | undefined;
  /** Whether it has failed for so long that it waits for the next update. */
  isParked = false;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * The leader's side of its links. One push at a time is in flight on each; what is committed meanwhile goes out together
 * in the next, which is encoded once for all links at the same position. A link that is too far behind for that is only
 * told so: its replica asks for what it lacks. So the leader holds the same little memory for any number of slow links.
 *
 * There is no timer here: `step` returns when it must be called again.
 */
export class Links {
  readonly #recent: () => RecentRecords;
  readonly #epoch: () => string;
  readonly #host: LinkHost;
  readonly #policy: LinkPolicy;
  readonly #links = new Map<string, Link>();

  /** `feed` has the epoch, and its records since it was opened or reset. */
  constructor(
    feed: { epoch: () => string; recent: () => RecentRecords },
    host: LinkHost,
    policy: LinkPolicy = LINK_POLICY,
  ) {
    this.#epoch = feed.epoch;
    this.#recent = feed.recent;
    this.#host = host;
    this.#policy = policy;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Whether any replica is not known to have all that is committed. */
  get isBehind(): boolean {
    for (const link of this.#links.values()) if (this.#isBehind(link)) return true;
    return false;
  }

  states(): readonly LinkState[] {
    return [...this.#links.values()];
  }

  has(name: string): boolean {
    return this.#links.has(name);
  }

  /** What a replica last reported. */
  reportOf(name: string): LinkReport | undefined {
    return this.#links.get(name)?.report;
  }

  /** Adds a link. `position`: where its replica is; undefined if that is not known. */
  add(name: string, position?: Position): void {
    const link = new Link(name);
    link.position = position;
    this.#links.set(name, link);
  }

  remove(name: string): void {
    this.#links.delete(name);
  }

  /** Has links that gave up try again: something was committed, or time has passed. */
  wake(): void {
    for (const link of this.#links.values()) link.isParked = false;
  }

  /** Begins the pushes that are due. Returns when to be called again; undefined if nothing waits. */
  step(now: number): number | undefined {
    const { window, slice, silence } = this.#policy;
    let next = Infinity;
    let begun = 0;
    for (const link of this.#links.values()) {
      // It may never be answered. There is no timer for each push: whoever calls next finds out, be it after an alarm.
      if (link.isInFlight && now - link.notBefore + window >= silence) this.failed(link.name, now);
      if (link.isInFlight || link.isParked || !this.#isBehind(link)) continue;
      if (link.notBefore > now || begun >= slice) {
        next = Math.min(next, Math.max(now, link.notBefore));
        continue;
      }
      begun++;
      link.isInFlight = true;
      link.notBefore = now + window;
      this.#host.push(link.name, this.#pushFor(link));
    }
    return next === Infinity ? undefined : next;
  }

  /** Notes a replica's answer to a push. */
  answered(name: string, report: LinkReport): void {
    const link = this.#links.get(name);
    if (!link) return;
    link.isInFlight = false;
    link.report = report;
    link.position = report;
    link.failures = 0;
    link.failingSince = undefined;
  }

  /** Notes what a replica serves now. */
  reported(name: string, report: LinkReport): void {
    const link = this.#links.get(name);
    if (link) link.report = report;
  }

  /** Notes that a push failed: the replica may have it or not. */
  failed(name: string, now: number): void {
    const link = this.#links.get(name);
    if (!link) return;
    const { retry, patience } = this.#policy;
    link.isInFlight = false;
    link.failingSince ??= now;
    link.notBefore = now + Math.min(retry[1], retry[0] * 2 ** link.failures++);
    link.isParked = now - link.failingSince >= patience;
  }

  #isBehind({ position }: Link): boolean {
    return position === undefined || position.epoch !== this.#epoch() || position.seq < this.#recent().end;
  }

  #pushFor({ position }: Link): Push {
    const [epoch, recent] = [this.#epoch(), this.#recent()];
    const from = position?.epoch === epoch ? position.seq : recent.end;
    const records = recent.since(from);
    return records === undefined
      ? { epoch, from: recent.end, seq: recent.end, records: "" }
      : { epoch, from, seq: recent.end, records };
  }
}
