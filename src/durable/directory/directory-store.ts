import { readOwnJson, type JsonObject } from "../../protocol/json.ts";
import type { FeedStats } from "../reads.ts";

/** What is known of a listed feed. */
export interface ListedFeed {
  /** How it was when it was last asked; nothing where it never was. */
  readonly stats: FeedStats | undefined;
  /** Whether it may be otherwise by now. */
  readonly changed: boolean;
  /** When it was last asked, in milliseconds since 1970. */
  readonly asked: number;
}

/** The first version had names alone. A feed of which nothing more is known counts as changed, and as made by nobody. */
const COLUMNS = {
  maker: "TEXT NOT NULL DEFAULT ''",
  changed: "INTEGER NOT NULL DEFAULT 1",
  asked: "INTEGER NOT NULL DEFAULT 0",
  stats: "TEXT",
} as const;

/** Rows kept in memory, of some 300 bytes each. */
const READ = 20_000;

/** The directory's table: a row a feed. Nothing is written, and no table made, before the first feed is. */
export class DirectoryStore {
  readonly #sql: SqlStorage;
  #ready = false;
  /** Rows that were read and have not changed since. */
  readonly #read = new Map<string, ListedFeed>();
  /** How many feeds each has made. */
  #made: Map<string, number> | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  has(feed: string): boolean {
    return this.#exists() && this.#sql.exec("SELECT 1 FROM feeds WHERE name = ?", feed).toArray().length > 0;
  }

  /** Feeds by who has made them. */
  get made(): ReadonlyMap<string, number> {
    return this.#counts();
  }

  add(feed: string, maker: string): void {
    this.#prepare();
    const counts = this.#counts();
    this.#sql.exec("INSERT INTO feeds (name, maker) VALUES (?, ?)", feed, maker);
    counts.set(maker, (counts.get(maker) ?? 0) + 1);
  }

  /** Nothing where it is not there. */
  remove(feed: string): void {
    if (!this.#exists()) return;
    this.#read.delete(feed);
    const counts = this.#counts();
    for (const { maker } of this.#sql.exec<{ maker: string }>(
      "DELETE FROM feeds WHERE name = ? RETURNING maker",
      feed,
    )) {
      const left = (counts.get(maker) ?? 0) - 1;
      if (left > 0) counts.set(maker, left);
      else counts.delete(maker);
    }
  }

  /** Notes that a feed may not be as it was when it was asked. Writes nothing where that is known. */
  change(feed: string): void {
    if (!this.#exists() || this.#read.get(feed)?.changed === true) return;
    this.#read.delete(feed);
    this.#sql.exec("UPDATE feeds SET changed = 1 WHERE name = ? AND changed = 0", feed);
  }

  /** Notes how a feed is, as it said when it was asked. */
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

  /** What is known of a feed; nothing where it is not listed. */
  get(feed: string): ListedFeed | undefined {
    const read = this.#read.get(feed);
    if (read || !this.#exists()) return read;
    const [row] = this.#sql.exec<{ changed: number; asked: number; stats: string | null }>(
      "SELECT changed, asked, stats FROM feeds WHERE name = ?",
      feed,
    );
    if (!row) return undefined;
    const stats = row.stats === null ? undefined : readOwnJson<FeedStats & JsonObject>(row.stats);
    const listed = { stats, changed: row.changed === 1, asked: row.asked };
    if (this.#read.size >= READ) this.#read.clear();
    this.#read.set(feed, listed);
    return listed;
  }

  #counts(): Map<string, number> {
    if (this.#made) return this.#made;
    const rows = this.#exists()
      ? this.#sql.exec<{ maker: string; feeds: number }>("SELECT maker, count(*) AS feeds FROM feeds GROUP BY maker")
      : [];
    this.#made = new Map(Array.from(rows, ({ maker, feeds }) => [maker, feeds]));
    return this.#made;
  }

  #prepare(): void {
    if (this.#exists()) return;
    const columns = Object.entries(COLUMNS).map(([name, type]) => `, ${name} ${type}`);
    this.#sql.exec(`CREATE TABLE feeds (name TEXT PRIMARY KEY${columns.join("")}) WITHOUT ROWID`);
    this.#ready = true;
  }

  /** Whether there is a table. One that an older version made gets what it lacks. */
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
