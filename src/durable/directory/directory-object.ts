import { DurableObject } from "cloudflare:workers";
import { steadyClock } from "../../limits/steady-clock.ts";
import { DirectoryStore } from "./directory-store.ts";
import type { Directory, FeedStats, Listed, SurveyedFeed } from "./rpc.ts";
import { Survey, type FeedReport } from "./survey.ts";
import { Visits } from "./visits.ts";

/** Bindings that the object reads. */
export interface DirectoryObjectEnv {
  readonly FEEDS?: DurableObjectNamespace<SurveyedFeed>;
}

/** Feeds that one token may make. A publisher that makes thousands of feeds has a key. */
const FEEDS_OF_A_TOKEN = 100;

/** The names of all feeds, and the stats that each last gave. There is one such object in an application. */
export class DirectoryObject<Env extends DirectoryObjectEnv = DirectoryObjectEnv>
  extends DurableObject<Env>
  implements Directory
{
  readonly #now = steadyClock();
  readonly #feeds = new DirectoryStore(this.ctx.storage.sql);
  readonly #survey = new Survey(this.#feeds, (feed) => this.ask(feed), this.#now());
  readonly #visits = new Visits();

  /**
   * Lists a feed before it is first written to: a listed feed may not exist yet, but each feed that exists is listed.
   * There may be `most` feeds, of which tokens together may make one half. `maker` is the id of the credential.
   */
  add(feed: string, most: number, maker: string): Listed {
    const room = this.room(feed, most, maker);
    if (room === "listed") this.#survey.change(feed);
    if (room !== "free") return room;
    this.#feeds.add(feed, maker);
    return "listed";
  }

  /** What `add` would answer; `free` if the feed is not listed and would be. */
  room(feed: string, most: number, maker: string): Listed | "free" {
    if (this.#feeds.has(feed)) return "listed";
    const { made } = this.#feeds;
    const sum = (counted: (maker: string) => boolean): number =>
      [...made].reduce((sum, [maker, feeds]) => (counted(maker) ? sum + feeds : sum), 0);
    if (sum(() => true) >= most) return "full";
    const half = Math.floor(most / 2);
    const isShareTaken = (made.get(maker) ?? 0) >= Math.min(FEEDS_OF_A_TOKEN, half) || sum(isToken) >= half;
    return isToken(maker) && isShareTaken ? "share" : "free";
  }

  change(feed: string): void {
    this.#survey.change(feed);
  }

  /** Removes a feed's name, and gives its maker's share back. */
  remove(feed: string): void {
    this.#survey.forget(feed);
    this.#feeds.remove(feed);
  }

  /** At most `limit` names after `after`, in code unit order. */
  list(after: string, limit: number): string[] {
    return this.#feeds.names(after, limit);
  }

  /** Reports on those of the named feeds that exist. */
  describe(names: readonly string[]): Promise<FeedReport[]> {
    return this.#survey.describe(names, this.#now());
  }

  /** `visited`: the feed is not listed, but a client has lately come to watch it, so that it has an object. */
  find(feed: string): "listed" | "visited" | "unknown" {
    if (this.#feeds.has(feed)) return "listed";
    return this.#visits.has(feed, this.#now()) ? "visited" : "unknown";
  }

  /**
   * Notes that a client comes to watch a feed. If the feed does not exist, watching makes an object, so that visits are
   * limited by `account`. An empty account is not limited.
   */
  visit(feed: string, account: string): "listed" | "visited" | "refused" {
    if (this.#feeds.has(feed)) return "listed";
    return this.#visits.add(feed, account, this.#now()) ? "visited" : "refused";
  }

  /** Asks a feed for its stats. A Worker whose bindings have other names overrides it. */
  protected async ask(feed: string): Promise<FeedStats> {
    const feeds = this.env.FEEDS;
    if (!feeds) throw new Error("the directory has no binding FEEDS");
    return feeds.getByName(feed).statsForDirectory();
  }
}

/** By the credential's id: `Access` gives tokens such ids, and keys others. */
function isToken(maker: string): boolean {
  return maker.startsWith("token ");
}
