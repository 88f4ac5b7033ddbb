import type { Caller } from "../access/access.ts";
import { NOT_LISTED, type Listed } from "../durable/directory/rpc.ts";
import { accountOf, type CountedCaller } from "../limits/places.ts";
import type { Deployment } from "./deployment.ts";
import { Problem } from "./problem.ts";

/** Milliseconds for which a feed that exists is taken to exist: feeds are seldom removed, and a removed one reads as empty. */
const KEPT = 60_000;
/** Names kept at a time. */
const MANY = 10_000;
/** Seconds. Callers that watch too many feeds that do not exist are counted over some minutes. */
const RETRY_AFTER = 60;

/**
 * Knows which feeds exist, from the directory. A call to a feed's object creates the object: a request that only reads is
 * answered without it if the feed does not exist, so that made-up names cost no object each.
 */
export class KnownFeeds {
  readonly #deployment: Pick<Deployment, "directory" | "quotas">;
  /** When each feed that is known to exist has to be looked up again. Oldest first. */
  readonly #until = new Map<string, number>();

  constructor(deployment: Pick<Deployment, "directory" | "quotas">) {
    this.#deployment = deployment;
  }

  /** Whether to ask the feed's object. True also if the directory does not answer: the feed itself may. */
  async exists(feed: string): Promise<boolean> {
    if (this.#isKnown(feed)) return true;
    try {
      const found = await this.#directory().find(feed);
      if (found === "listed") this.#keep(feed);
      return found !== "unknown";
    } catch {
      return true;
    }
  }

  /** Refuses a caller that has come to watch many feeds that do not exist, and now watches one more. */
  async demandVisit(feed: string, caller: CountedCaller): Promise<void> {
    if (this.#isKnown(feed)) return;
    const account = caller.kind === "key" ? "" : accountOf(caller);
    let visit: string;
    try {
      visit = await this.#directory().visit(feed, account);
    } catch {
      return;
    }
    if (visit === "listed") this.#keep(feed);
    if (visit !== "refused") return;
    throw new Problem("rate_limited", "You watch too many feeds that do not exist. Come back later.", {
      retryAfter: RETRY_AFTER,
    });
  }

  /** Refuses a publisher that may not make another feed, before its object is created for nothing. */
  async demandRoom(feed: string, { id }: Caller): Promise<void> {
    if (this.#isKnown(feed)) return;
    let room: Listed | "free";
    try {
      room = await this.#directory().room(feed, this.#deployment.quotas.feeds, id);
    } catch {
      return;
    }
    if (room === "listed") this.#keep(feed);
    else if (room !== "free") throw new Problem("feed_full", NOT_LISTED[room]);
  }

  #directory(): ReturnType<Deployment["directory"]["getByName"]> {
    return this.#deployment.directory.getByName("feeds");
  }

  #isKnown(feed: string): boolean {
    return (this.#until.get(feed) ?? 0) > Date.now();
  }

  #keep(feed: string): void {
    this.#until.delete(feed);
    for (const oldest of this.#until.keys()) {
      if (this.#until.size < MANY) break;
      this.#until.delete(oldest);
    }
    this.#until.set(feed, Date.now() + KEPT);
  }
}
