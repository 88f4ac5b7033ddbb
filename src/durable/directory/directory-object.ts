import { DurableObject } from "cloudflare:workers";
import { SteadyClock } from "../steady-clock.ts";
import { DirectoryStore } from "./directory-store.ts";
import type { FeedObject } from "../feed-object.ts";
import type { FeedStats } from "../reads.ts";
import { Survey, type FeedReport } from "./survey.ts";
import { Visits } from "./visits.ts";

/** Bindings that the object reads. */
export interface DirectoryObjectEnv {
  readonly FEEDS?: DurableObjectNamespace<FeedObject>;
}

/** What comes of listing a feed: `full` where there are as many as there may be, `share` where its maker has made so many. */
export type Listed = "listed" | "full" | "share";

/** Feeds that one token may make. Guests get tokens; whoever makes thousands of feeds has a key. */
const OF_A_TOKEN = 100;

/** The names of all feeds, and how they were when they were last asked. One object an application. */
export class DirectoryObject<Env extends DirectoryObjectEnv = DirectoryObjectEnv> extends DurableObject<Env> {
  readonly #clock = new SteadyClock(() => Date.now());
  readonly #feeds = new DirectoryStore(this.ctx.storage.sql);
  readonly #survey = new Survey(this.#feeds, (feed) => this.ask(feed), this.#clock.now());
  readonly #visits = new Visits();

  /**
   * Notes a feed, before it is first written to: what is listed may not exist yet, what exists is listed. There may be
   * `most`, of which tokens together may make one half. `maker`: the id of the credential.
   */
  add(feed: string, most: number, maker: string): Listed {
    const room = this.room(feed, most, maker);
    if (room === "listed") this.#survey.change(feed);
    if (room !== "free") return room;
    this.#feeds.add(feed, maker);
    return "listed";
  }

  /** What would come of listing a feed: `free` where it is not listed, and would be. */
  room(feed: string, most: number, maker: string): Listed | "free" {
    if (this.#feeds.has(feed)) return "listed";
    const { made } = this.#feeds;
    const sum = (counted: (maker: string) => boolean): number =>
      [...made].reduce((sum, [maker, feeds]) => (counted(maker) ? sum + feeds : sum), 0);
    if (sum(() => true) >= most) return "full";
    const half = Math.floor(most / 2);
    const isShareTaken = (made.get(maker) ?? 0) >= Math.min(OF_A_TOKEN, half) || sum(isToken) >= half;
    return isToken(maker) && isShareTaken ? "share" : "free";
  }

  /** Notes that a feed is not as it was when it was last asked. One that is not listed stays so. */
  change(feed: string): void {
    this.#survey.change(feed);
  }

  /** Removes a feed's name, and gives the share of its maker back. */
  remove(feed: string): void {
    this.#survey.forget(feed);
    this.#feeds.remove(feed);
  }

  /** At most `limit` names after `after`, in code unit order. */
  list(after: string, limit: number): string[] {
    return this.#feeds.names(after, limit);
  }

  /** How those of these feeds are that exist. */
  describe(names: readonly string[]): Promise<FeedReport[]> {
    return this.#survey.describe(names, this.#clock.now());
  }

  /** `visited`: it is not listed, but somebody has lately come to watch it, so that it has an object. */
  find(feed: string): "listed" | "visited" | "unknown" {
    if (this.#feeds.has(feed)) return "listed";
    return this.#visits.has(feed, this.#clock.now()) ? "visited" : "unknown";
  }

  /**
   * Notes that somebody comes to watch a feed, which makes an object of one that does not exist. `owner`: an address or a
   * credential; empty where nobody counts.
   */
  visit(feed: string, owner: string): "listed" | "visited" | "refused" {
    if (this.#feeds.has(feed)) return "listed";
    return this.#visits.add(feed, owner, this.#clock.now()) ? "visited" : "refused";
  }

  /** Asks a feed how it is. A Worker whose bindings have other names overrides it. */
  protected async ask(feed: string): Promise<FeedStats> {
    const feeds = this.env.FEEDS;
    if (!feeds) throw new Error("the directory has no binding FEEDS");
    return feeds.getByName(feed).describe();
  }
}

/** By how credentials are called: `Access` gives tokens such ids, and keys others. */
function isToken(maker: string): boolean {
  return maker.startsWith("token ");
}
