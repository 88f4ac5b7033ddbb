import { DurableObject } from "cloudflare:workers";

/** The names of all feeds. One object an application. */
export class DirectoryObject<Env = unknown> extends DurableObject<Env> {
  #ready = false;

  /** Notes a feed, before it is first written to: what is listed may not exist yet, what exists is listed. */
  add(feed: string): void {
    this.#prepare();
    this.ctx.storage.sql.exec("INSERT INTO feeds (name) VALUES (?) ON CONFLICT DO NOTHING", feed);
  }

  /** At most `limit` names after `after`, in code unit order. */
  list(after: string, limit: number): string[] {
    if (!this.#exists()) return [];
    return this.ctx.storage.sql
      .exec<{ name: string }>("SELECT name FROM feeds WHERE name > ? ORDER BY name LIMIT ?", after, limit)
      .toArray()
      .map(({ name }) => name);
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
