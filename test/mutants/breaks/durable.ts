import { plant, type Mutant } from "../mutant.ts";

/** Durable before it is delivered, and after a loss of memory. */
export const OF_THE_OBJECT: readonly Mutant[] = [
  ...plant(
    "src/durable/live-feed.ts",
    "workerd",
    ["test/durable/live-feed.test.ts", "test/durable/failures.test.ts"],
    [
      [
        "durable: delivered before it is written",
        "    this.#guard(() => this.#store.append(this.feed, records, remembered));\n",
        "    this.deliver(records);\n    this.#guard(() => this.#store.append(this.feed, records, remembered));\n",
      ],
      [
        "durable: a failed write goes on as if it were written",
        '      this.#platform.abandon("a write failed");\n      throw error;',
        "",
      ],
      [
        "durable: a receipt comes before the write",
        "if (record || remembered) await this.#groupCommit.add(",
        "if (record || remembered) void this.#groupCommit.add(",
      ],
    ],
  ),
  ...plant(
    "src/durable/sockets/connections.ts",
    "workerd",
    ["test/durable/sockets/connections.test.ts"],
    [["sockets: one alarm closes all whose credentials expire", "closed < most && ", ""]],
  ),
  ...plant(
    "src/durable/storage/group-commit.ts",
    "workerd",
    ["test/durable/storage/group-commit.test.ts"],
    [
      [
        "commit: a failed write is answered as written",
        "for (const { failed } of waiting) failed(error);",
        "for (const { written } of waiting) written();",
      ],
      [
        "commit: one that is full waits all the same",
        "wait > 0 && this.#waiting.length < this.#policy.most",
        "wait > 0",
      ],
      [
        "commit: enough wait for the end of the window",
        "if (this.#waiting.length === this.#policy.enough) this.#commitSoon();",
        "",
      ],
    ],
  ),
  ...plant(
    "src/durable/storage/feed-store.ts",
    "workerd",
    ["test/durable/storage/checkpoint.test.ts", "test/durable/storage/history.test.ts"],
    [
      [
        "checkpoint: counts before all of its rows are written",
        "const live = yield* writeEntries(stored, feed);",
        "writeState(sql, Object.assign(state, { generation, receiptsFrom: generation, seq, time }));\n    const live = yield* writeEntries(stored, feed);",
      ],
      [
        "checkpoint: the journal goes before its rows are written",
        "const live = yield* writeEntries(stored, feed);",
        'sql.exec("DELETE FROM journal WHERE generation < ?", generation);\n    const live = yield* writeEntries(stored, feed);',
      ],
      [
        "checkpoint: has updates that are not written",
        "    commit();\n    Object.assign(state, {",
        "    Object.assign(state, {",
      ],
      ["history: grows without end", "while (history.trim(this.#rules.history)) yield;", ""],
      [
        "reset: forgets the publishes that the journal has",
        "generation, seq: 0, time: 0,",
        "generation, receiptsFrom: generation, seq: 0, time: 0,",
      ],
    ],
  ),
  ...plant(
    "src/durable/storage/session-rows.ts",
    "workerd",
    ["test/durable/storage/checkpoint.test.ts", "test/durable/storage/session-rows.test.ts"],
    [
      [
        "sessions: the rows before go when the new ones are begun",
        "    this.#first = row?.next ?? 0;\n",
        '    this.#first = row?.next ?? 0;\n    this.#sql.exec("DELETE FROM sessions");\n',
      ],
      ["sessions: a row is ahead of the journal", "      commit();\n", ""],
    ],
  ),
  ...plant(
    "src/durable/storage/receipt-rows.ts",
    "workerd",
    ["test/durable/storage/session-rows.test.ts"],
    [["receipts: gaps are closed, and receipts found under others' ordinals", '"\\n".repeat(gap + 1)', '"\\n"']],
  ),
  ...plant(
    "src/durable/storage/checkpoint.ts",
    "workerd",
    ["test/durable/storage/checkpoint.test.ts"],
    [
      [
        "checkpoint: is written over the last one",
        "const chunk = state.chunk === 0 ? SIDE : 0;",
        "const { chunk } = state;",
      ],
      [
        "checkpoint: after a crash, records are moved to the history twice",
        '&& text.records !== "" && row.seq > moved)',
        '&& text.records !== "")',
      ],
    ],
  ),
  ...plant(
    "src/durable/storage/history-rows.ts",
    "workerd",
    ["test/durable/storage/history.test.ts", "test/durable/storage/feed-store.test.ts"],
    [
      [
        "history: more is deleted than lies beyond the limit",
        "if (length > most) beyond++;",
        "if (2 * length > most) beyond++;",
      ],
    ],
  ),
  ...plant(
    "src/durable/storage/journal.ts",
    "workerd",
    ["test/durable/storage/feed-store.test.ts", "test/durable/storage/checkpoint.test.ts"],
    [
      [
        "journal: two generations write to the same rows",
        "while (this.#generations.some((other) => other.side === side)) side++;",
        "",
      ],
      [
        "journal: a receipt from before a checkpoint or a reset is not found",
        "for (const { receipts } of this.#generations) {",
        "for (const { receipts } of this.#generations.slice(-1)) {",
      ],
    ],
  ),
  ...plant(
    "src/durable/serving/alarms.ts",
    "workerd",
    ["test/durable/alarms.test.ts"],
    [
      [
        "alarm: an earlier time does not replace a later one",
        "if (this.#at !== undefined && this.#at <= at) return;",
        "if (this.#at !== undefined) return;",
      ],
      [
        "alarm: one that was lost is never set again",
        "else if (this.#at <= this.#now() - LATE) {",
        "else if (this.#at <= -LATE) {",
      ],
    ],
  ),
  ...plant(
    "src/durable/sockets/attachment.ts",
    "workerd",
    [
      "test/durable/sockets/attachment.test.ts",
      "test/durable/sockets/subscribe.test.ts",
      "test/durable/sockets/credential-expiry.test.ts",
    ],
    [
      ["hibernation: a credential lasts for ever", 'if (expires !== undefined) attachment["expires"] = expires;', ""],
      ["hibernation: hz does not outlive it", 'if (hz !== undefined) attachment["hz"] = hz;', ""],
      [
        "hibernation: the mode does not outlive it",
        "selection: compact(selection.patterns), mode };",
        'selection: compact(selection.patterns), mode: "latest" };',
      ],
      ["hibernation: a publisher may not publish after it", 'if (publishes) attachment["publishes"] = true;', ""],
    ],
  ),
  ...plant(
    "src/durable/sockets/connection.ts",
    "workerd",
    [
      "test/durable/sockets/credential-expiry.test.ts",
      "test/durable/sockets/socket-messages.test.ts",
      "test/http/socket-messages.test.ts",
    ],
    [
      [
        "access: a socket outlives its credential",
        "if (expires === undefined || expires > now) return false;",
        "if (expires !== -1) return false;",
      ],
      [
        "access: a socket that only publishes is sent the feed",
        "if (!open?.subscription || !this.isOpen) return;",
        "if (!open || !this.isOpen) return;",
      ],
      [
        "limits: one bad message too many is answered",
        "++this.#badMessages < LIMITS.badMessages",
        "++this.#badMessages <= LIMITS.badMessages",
      ],
    ],
  ),
  ...plant(
    "src/durable/directory/directory-store.ts",
    "workerd",
    ["test/durable/directory/directory-object.test.ts", "test/http/feeds.test.ts"],
    [
      [
        "directory: the last name of a page comes twice",
        "WHERE name > ? ORDER BY name",
        "WHERE name >= ? ORDER BY name",
      ],
      [
        "directory: a change is not noted",
        "UPDATE feeds SET changed = 1 WHERE name = ? AND changed = 0",
        "UPDATE feeds SET changed = 0 WHERE name = ? AND changed = 0",
      ],
    ],
  ),
];
