import type { PublisherSessions } from "../../feed/state/publisher-sessions.ts";
import { CHUNK_LENGTH, SESSIONS } from "./schema.ts";

/**
 * The publisher sessions as checkpoints write them, a line each, in a few rows. A checkpoint writes all of them in rows after
 * those that there are, and deletes these in its last step: whatever a crash leaves in between is true, and of a session that
 * comes twice the later state counts. The table is made once it is needed, and the version before passes it over.
 */
export class SessionRows {
  readonly #sql: SqlStorage;
  #hasTable: boolean | undefined;
  /** The rows from here on are those of the checkpoint that is being made. */
  #first = 0;
  /** Which changes of the sessions the rows have; undefined if it is not known. */
  #saved: number | undefined;
  #saving = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  load(sessions: PublisherSessions): void {
    this.#saved = undefined;
    if (!this.#exists) return;
    for (const { sessions: lines } of this.#sql.exec<{ sessions: string }>(
      "SELECT sessions FROM sessions ORDER BY chunk",
    )) {
      for (const line of lines.split("\n")) if (line !== "") sessions.restoreLine(line);
    }
  }

  /** Writes all sessions, if they have changed. `commit` writes what was accepted: a session must not be ahead of the journal. */
  *write(sessions: PublisherSessions, now: number, commit: () => void): Generator {
    const isUsed = sessions.size > 0 || this.#exists;
    if (!isUsed || this.#saved === sessions.changes) return;
    this.#sql.exec(SESSIONS);
    this.#hasTable = true;
    const [row] = this.#sql.exec<{ next: number }>("SELECT coalesce(max(chunk) + 1, 0) AS next FROM sessions");
    this.#first = row?.next ?? 0;
    const lines = sessions.lines(now);
    this.#saving = sessions.changes;
    for (let chunk = this.#first, isOver = false; !isOver; chunk++) {
      const texts: string[] = [];
      for (let length = 0; length < CHUNK_LENGTH;) {
        const { done, value } = lines.next();
        isOver = done === true;
        if (done === true) break;
        texts.push(value);
        length += value.length;
      }
      commit();
      if (texts.length > 0)
        this.#sql.exec("INSERT INTO sessions (chunk, sessions) VALUES (?, ?)", chunk, texts.join("\n"));
      yield;
    }
  }

  /** Deletes the rows that were there before `write`. */
  finish(): void {
    if (this.#first > 0) this.#sql.exec("DELETE FROM sessions WHERE chunk < ?", this.#first);
    this.#first = 0;
    this.#saved = this.#saving;
  }

  get #exists(): boolean {
    this.#hasTable ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").toArray().length > 0;
    return this.#hasTable;
  }
}
