import { DurableObject } from "cloudflare:workers";
import type { FeedObject } from "./feed-object.ts";
import type { FeedStats } from "./reading.ts";

/** Bindings that the object reads. */
export interface DirectoryObjectEnv {
  readonly FEEDS?: DurableObjectNamespace<FeedObject>;
}

interface Described {
  readonly stats: Promise<FeedStats>;
  /** When it was asked, in milliseconds since 1970. */
  readonly at: number;
}

/** Feeds that are asked how they are whenever somebody wants to know. */
const FEW = 100;
/** Milliseconds for which an answer serves others too where there are more: one request must not wake them all. */
const SHARED_FOR = 2_000;

/** The names of all feeds. One object an application. */
export class DirectoryObject<Env extends DirectoryObjectEnv = DirectoryObjectEnv> extends DurableObject<Env> {
  readonly #described = new Map<string, Described>();
  #ready = false;
  #count: number | undefined;

  /**
   * Notes a feed, before it is first written to: what is listed may not exist yet, what exists is listed. False where
   * there are `most` already.
   */
  add(feed: string, most: number): boolean {
    this.#prepare();
    const { sql } = this.ctx.storage;
    if (sql.exec("SELECT 1 FROM feeds WHERE name = ?", feed).toArray().length > 0) return true;
    this.#count ??= sql.exec<{ feeds: number }>("SELECT count(*) AS feeds FROM feeds").one().feeds;
    if (this.#count >= most) return false;
    sql.exec("INSERT INTO feeds (name) VALUES (?)", feed);
    this.#count++;
    return true;
  }

  /** At most `limit` names after `after`, in code unit order. */
  list(after: string, limit: number): string[] {
    if (!this.#exists()) return [];
    return this.ctx.storage.sql
      .exec<{ name: string }>("SELECT name FROM feeds WHERE name > ? ORDER BY name LIMIT ?", after, limit)
      .toArray()
      .map(({ name }) => name);
  }

  /** How these feeds are; of many, as they were up to two seconds ago. */
  describe(names: readonly string[]): Promise<FeedStats[]> {
    const now = Date.now();
    const freshAfter = names.length > FEW ? now - SHARED_FOR : now;
    for (const [name, { at }] of this.#described) if (at < now - SHARED_FOR) this.#described.delete(name);
    return Promise.all(
      names.map((name) => {
        const known = this.#described.get(name);
        if (known && known.at > freshAfter) return known.stats;
        const stats = this.ask(name);
        this.#described.set(name, { stats, at: now });
        // Whoever asks next asks anew.
        stats.catch(() => this.#described.delete(name));
        return stats;
      }),
    );
  }

  /** Asks a feed how it is. A Worker whose bindings have other names overrides it. */
  protected async ask(name: string): Promise<FeedStats> {
    const feeds = this.env.FEEDS;
    if (!feeds) throw new Error("the directory has no binding FEEDS");
    return feeds.getByName(name).stats();
  }

  #prepare(): void {
    if (this.#ready) return;
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS feeds (name TEXT PRIMARY KEY) WITHOUT ROWID");
    this.#ready = true;
  }

  #exists(): boolean {
    this.#ready ||= this.ctx.storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'feeds'").toArray().length > 0;
    return this.#ready;
  }
}
