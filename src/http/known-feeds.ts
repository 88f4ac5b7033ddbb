import type { Caller } from "../access/access.ts";
import { NOT_LISTED } from "../durable/directory/rpc.ts";
import { accountOf, type CountedCaller } from "../limits/places.ts";
import type { Deployment } from "./deployment.ts";
import { Problem } from "./problem.ts";

type Directory = ReturnType<Deployment["directory"]["getByName"]>;

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

  /** Whether to ask the feed's object. */
  async exists(feed: string): Promise<boolean> {
    return (await this.#ask(feed, (directory) => directory.find(feed))) !== "unknown";
  }

  /** Refuses a caller that has come to watch many feeds that do not exist, and now watches one more. */
  async demandVisit(feed: string, caller: CountedCaller): Promise<void> {
    const account = caller.kind === "key" ? "" : accountOf(caller);
    if ((await this.#ask(feed, (directory) => directory.visit(feed, account))) !== "refused") return;
    throw new Problem("rate_limited", "You watch too many feeds that do not exist. Come back later.", {
      retryAfter: RETRY_AFTER,
    });
  }

  /**
   * Refuses a publisher that may not make another feed, before its object is created for nothing. Undefined if there is
   * nothing to wait for.
   */
  demandRoom(feed: string, caller: Caller): Promise<void> | undefined {
    return this.#isKnown(feed) ? undefined : this.#askForRoom(feed, caller);
  }

  async #askForRoom(feed: string, { id }: Caller): Promise<void> {
    const { feeds } = this.#deployment.quotas;
    const room = await this.#ask(feed, (directory) => directory.room(feed, feeds, id));
    if (room !== "listed" && room !== "free") throw new Problem("feed_full", NOT_LISTED[room]);
  }

  /** Asks about a feed, unless it is known. One that the directory does not answer about is taken to be listed: it may be. */
  async #ask<Answer extends string>(
    feed: string,
    question: (directory: Directory) => Promise<Answer>,
  ): Promise<Answer | "listed"> {
    if (this.#isKnown(feed)) return "listed";
    try {
      const answer = await question(this.#deployment.directory.getByName("feeds"));
      if (answer === "listed") this.#keep(feed);
      return answer;
    } catch {
      return "listed";
    }
  }

  #isKnown(feed: string): boolean {
    return (this.#until.get(feed) ?? 0) > Date.now();
  }

  #keep(feed: string): void {
    this.#until.delete(feed);
    const [oldest] = this.#until.keys();
    if (oldest !== undefined && this.#until.size >= MANY) this.#until.delete(oldest);
    this.#until.set(feed, Date.now() + KEPT);
  }
}
