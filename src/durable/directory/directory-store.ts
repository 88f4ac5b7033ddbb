import { readOwnJson, type JsonObject } from "../../protocol/json.ts";
import type { FeedStats } from "./rpc.ts";

/** What is known of a listed feed. */
export interface ListedFeed {
  /** The stats that it gave when it was last asked; undefined if it was never asked. */
  readonly stats: FeedStats | undefined;
  /** Whether they may have changed since. */
  readonly changed: boolean;
  /** When it was last asked, in milliseconds since 1970. */
  readonly asked: number;
}

/** The first version stored names alone. Such a feed counts as changed, and its maker as unknown. */
const COLUMNS = {
  maker: "TEXT NOT NULL DEFAULT ''",
  changed: "INTEGER NOT NULL DEFAULT 1",
  asked: "INTEGER NOT NULL DEFAULT 0",
  stats: "TEXT",
} as const;

/** Rows kept in memory, of some 300 bytes each. */
const READ = 20_000;

type StoredStats = Omit<FeedStats, "replicas"> & Partial<Pick<FeedStats, "replicas">>;

/** The directory's table, with a row for each feed. The table is made with the first feed. */
export class DirectoryStore {
  readonly #sql: SqlStorage;
  #ready = false;
  /** Rows that were read and have not changed since. */
  readonly #read = new Map<string, ListedFeed>();
  #made: Map<string, number> | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  has(feed: string): boolean {
    return this.#exists() && this.#sql.exec("SELECT 1 FROM feeds WHERE name = ?", feed).toArray().length > 0;
  }

  /** How many feeds each maker has made. */
  get made(): Map<string, number> {
    if (this.#made) return this.#made;
    const rows = this.#exists()
      ? this.#sql.exec<{ maker: string; feeds: number }>("SELECT maker, count(*) AS feeds FROM feeds GROUP BY maker")
      : [];
    return (this.#made = new Map(Array.from(rows, ({ maker, feeds }) => [maker, feeds])));
  }

  add(feed: string, maker: string): void {
    this.#prepare();
    const counts = this.made;
    this.#sql.exec("INSERT INTO feeds (name, maker) VALUES (?, ?)", feed, maker);
    counts.set(maker, (counts.get(maker) ?? 0) + 1);
  }

  /** Does nothing if the feed is not listed. */
  remove(feed: string): void {
    if (!this.#exists()) return;
    this.#read.delete(feed);
    const counts = this.made;
    const removed = this.#sql.exec<{ maker: string }>("DELETE FROM feeds WHERE name = ? RETURNING maker", feed);
    for (const { maker } of removed) {
      const left = (counts.get(maker) ?? 0) - 1;
      if (left > 0) counts.set(maker, left);
      else counts.delete(maker);
    }
  }

  /** Notes that a feed's stats may have changed since it was asked. Writes nothing if that is known already. */
  change(feed: string): void {
    if (!this.#exists() || this.#read.get(feed)?.changed === true) return;
    this.#read.delete(feed);
    this.#sql.exec("UPDATE feeds SET changed = 1 WHERE name = ? AND changed = 0", feed);
  }

  /** Stores the stats that a feed gave at the time `asked`. */
  describe(feed: string, stats: FeedStats, asked: number): void {
    this.#read.delete(feed);
    const text = JSON.stringify(stats);
    this.#sql.exec("UPDATE feeds SET stats = ?, changed = 0, asked = ? WHERE name = ?", text, asked, feed);
  }

  /** At most `limit` names after `after`, in code unit order. */
  names(after: string, limit: number): string[] {
    if (!this.#exists()) return [];
    return this.#sql
      .exec<{ name: string }>("SELECT name FROM feeds WHERE name > ? ORDER BY name LIMIT ?", after, limit)
      .toArray()
      .map(({ name }) => name);
  }

  /** What is known of a feed; undefined if it is not listed. */
  get(feed: string): ListedFeed | undefined {
    const read = this.#read.get(feed);
    if (read || !this.#exists()) return read;
    const [row] = this.#sql.exec<{ changed: number; asked: number; stats: string | null }>(
      "SELECT changed, asked, stats FROM feeds WHERE name = ?",
      feed,
    );
    if (!row) return undefined;
    // Stored by a deployment that had no replicas yet, they do not say so.
    const stats =
      row.stats === null ? undefined : { replicas: [], ...readOwnJson<StoredStats & JsonObject>(row.stats) };
    const listed = { stats, changed: row.changed === 1, asked: row.asked };
    if (this.#read.size >= READ) this.#read.clear();
    this.#read.set(feed, listed);
    return listed;
  }

  #prepare(): void {
    if (this.#exists()) return;
    const columns = Object.entries(COLUMNS).map(([name, type]) => `, ${name} ${type}`);
    this.#sql.exec(`CREATE TABLE feeds (name TEXT PRIMARY KEY${columns.join("")}) WITHOUT ROWID`);
    this.#ready = true;
  }

  /** Whether there is a table. A table of an older version gets the columns that it lacks. */
  #exists(): boolean {
    if (this.#ready) return true;
    const present = this.#sql.exec<{ name: string }>("SELECT name FROM pragma_table_info('feeds')").toArray();
    if (present.length === 0) return false;
    const names = new Set(present.map(({ name }) => name));
    for (const [name, type] of Object.entries(COLUMNS)) {
      if (!names.has(name)) this.#sql.exec(`ALTER TABLE feeds ADD COLUMN ${name} ${type}`);
    }
    this.#ready = true;
    return true;
  }
}
