/** A break to plant in the source, and the tests that should catch it. */
export interface Mutant {
  /** What it breaks. */
  readonly name: string;
  readonly file: string;
  /** A text that `file` has in exactly one place. */
  readonly find: string;
  readonly replace: string;
  /** A project of vitest, and its files. */
  readonly project: "workerd" | "node" | "security";
  readonly tests: readonly string[];
}

type Planted = readonly [name: string, find: string, replace: string];

function plant(
  file: string,
  project: Mutant["project"],
  tests: readonly string[],
  planted: readonly Planted[],
): readonly Mutant[] {
  return planted.map(([name, find, replace]) => ({ name, file, find, replace, project, tests }));
}

const STATE = "test/feed/state";

export const MUTANTS: readonly Mutant[] = [
  // What a feed is.
  ...plant(
    "src/feed/state/feed.ts",
    "workerd",
    [`${STATE}/feed.test.ts`, `${STATE}/batch.test.ts`, "test/http/every-transport.test.ts"],
    [
      ["seq: updates of a batch share one", "this.#seq + 1 + accepted.length", "this.#seq + 1"],
      ["version: the same version again is accepted", "version <= known.version", "version < known.version"],
      [
        "batch: a bad update does not refuse the others",
        "if (issues.length > 0) return",
        "if (issues.length > 9) return",
      ],
      ["limits: a full feed takes more", "if (detail !== undefined) return", "if (detail === null) return"],
      ["reset: seq goes on", "    this.#epoch = epoch;\n    this.#seq = 0;", "    this.#epoch = epoch;"],
    ],
  ),
  ...plant(
    "src/feed/state/batch-draft.ts",
    "workerd",
    [`${STATE}/batch.test.ts`, `${STATE}/expiry.test.ts`, `${STATE}/feed.test.ts`],
    [
      [
        "expiry: an update without ttl leaves the old one",
        "draft.expires = ttl === undefined ||",
        "draft.expires = ttl === undefined ? draft.expires :",
      ],
      [
        "limits: keys are counted before the batch alone",
        "this.#entries.size + keys > limits.keys",
        "this.#entries.size > limits.keys",
      ],
      [
        "limits: a patch may make a value of any length",
        "if (bytes <= LIMITS.valueBytes) continue;",
        "if (bytes > 0) continue;",
      ],
    ],
  ),
  ...plant(
    "src/feed/state/entries.ts",
    "workerd",
    [`${STATE}/entries.test.ts`, `${STATE}/feed.test.ts`],
    [
      [
        "resume: the change right after a position is left out",
        "if (entry && entry.seq > seq) changed.push(entry);",
        "if (entry && entry.seq > seq + 1) changed.push(entry);",
      ],
      ["resume: changes come in no order", "yield* changed.toSorted((a, b) => a.seq - b.seq);", "yield* changed;"],
      [
        "resume: a forgotten tombstone is not said to be",
        "this.#forgotten = Math.max(this.#forgotten, entry.seq);",
        "",
      ],
    ],
  ),
  ...plant(
    "src/feed/state/expiry.ts",
    "workerd",
    [`${STATE}/expiry.test.ts`],
    [
      ["expiry: an entry ends too early", "top.expires > now) return;", "top.expires > now + 1) return;"],
      ["expiry: entries end in no order", "left && right && timeOf(right) < timeOf(left) ? right : left", "left"],
    ],
  ),
  ...plant(
    "src/feed/state/idempotency.ts",
    "workerd",
    [`${STATE}/idempotency.test.ts`, "test/http/idempotency.test.ts"],
    [
      [
        "idempotency: another body gets the first receipt",
        "if (found.digest === wanted.digest) return",
        "if (found.digest !== undefined) return",
      ],
      [
        "idempotency: a publish is remembered only once it is written",
        "this.#unwritten.set(remembered.ordinal, remembered);",
        "",
      ],
      ["idempotency: a key is remembered for ever", "if (found.at + LIMITS.idempotencyWindow <= now) continue;", ""],
    ],
  ),

  // The fan-out.
  ...plant(
    "src/feed/fanout/live/pending.ts",
    "workerd",
    ["test/feed/fanout/pending.test.ts", "test/feed/fanout/convergence.test.ts", "test/http/every-transport.test.ts"],
    [
      [
        "mode=all: an update is delivered twice",
        "for (const { update } of this.#updates) if (update.seq > seq)",
        "for (const { update } of this.#updates) if (update.seq >= seq)",
      ],

      ["conflation: the first of two updates of a key is sent", "conflated.merged.add(update);", ""],
    ],
  ),
  ...plant(
    "src/feed/fanout/live/merged-update.ts",
    "workerd",
    [
      "test/feed/fanout/merged-update.test.ts",
      "test/feed/fanout/pending.test.ts",
      "test/feed/fanout/convergence.test.ts",
    ],
    [
      [
        "conflation: a patch that replaces a value with an object merges",
        "if (!isJsonObject(earlier) || !composeInto(earlier, value)) return false;",
        "if (isJsonObject(earlier)) composeInto(earlier, value);",
      ],
      [
        "conflation: a patch after a set forgets the set",
        'set: applyMergePatch("set" in first ? first.set : undefined, patch)',
        "set: applyMergePatch(undefined, patch)",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/live/outbox.ts",
    "workerd",
    [
      "test/feed/fanout/flush.test.ts",
      "test/feed/fanout/catch-up.test.ts",
      "test/feed/fanout/slow-consumers.test.ts",
      "test/feed/fanout/snapshots.test.ts",
      "test/feed/fanout/convergence.test.ts",
    ],
    [
      [
        "flush: one that moved meanwhile is sent what it has",
        "if (subscriber.seq !== from || !group.members.has(subscriber)) continue;",
        "if (!group.members.has(subscriber)) continue;",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/subscriber.ts",
    "workerd",
    ["test/feed/fanout/convergence.test.ts"],
    [
      [
        "skipped: not counted from where the subscriber joined",
        "this.pending.added - pendingBefore - updates.length",
        "this.pending.added - updates.length",
      ],
    ],
  ),

  ...plant(
    "src/feed/fanout/live/live-delivery.ts",
    "workerd",
    ["test/feed/fanout/convergence.test.ts", "test/feed/fanout/flush.test.ts", "test/feed/fanout/pending.test.ts"],
    [
      [
        "flush: a member that missed something gets only what waits",
        "if (!group.covers(subscriber)) {",
        "if (false) {",
      ],
      ["flush: what waited for too many groups is lost", "return this.#discardAllPending();", "return selecting;"],
      [
        "flush: something is due for a group without members",
        "if (group.members.size === 0) this.#waiting.delete(group);",
        "",
      ],
      ["skipped: what waited when a subscriber joined counts", "subscriber.pendingBefore = group.pending.added;", ""],
    ],
  ),
  ...plant(
    "src/feed/fanout/broadcast.ts",
    "workerd",
    ["test/feed/fanout/catch-up.test.ts", "test/feed/fanout/selections.test.ts"],
    [
      ["catch-up: does not ask for the commit that it needs", "return this.#catchUps.needsCommit ||", "return"],
      [
        "patterns: those of a subscriber that has gone count",
        "this.#selections.release(subscriber.subscription);\n    for (",
        "for (",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/snapshots.ts",
    "workerd",
    ["test/feed/fanout/snapshots.test.ts"],
    [
      [
        "snapshot: a reader gets the same earlier moment again",
        "Math.max(since + 1, entries.forgotten)",
        "entries.forgotten",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/lists-in-use.ts",
    "workerd",
    ["test/feed/fanout/snapshots.test.ts"],
    [["snapshot: what a released list kept alive is forgotten", "this.#keep(inUse.keptBytes);", ""]],
  ),

  // Durable before it is delivered.
  ...plant(
    "src/durable/live-feed.ts",
    "workerd",
    ["test/durable/live-feed.test.ts", "test/durable/failures.test.ts"],
    [
      [
        "durable: delivered before it is written",
        "    this.#guard(() => this.#store.append(this.feed, records, remembered));\n",
        "    this.#deliver(records);\n    this.#guard(() => this.#store.append(this.feed, records, remembered));\n",
      ],
      [
        "durable: a failed write goes on as if it were written",
        '      this.#platform.abandon("a write failed");\n      throw error;',
        "",
      ],
      [
        "durable: a receipt comes before the write",
        "if (record || remembered) await this.#commit.add(",
        "if (record || remembered) void this.#commit.add(",
      ],
    ],
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
        "wait > 0 && this.#waiting.length < this.#policy.enough",
        "wait > 0",
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
    ],
  ),
  ...plant(
    "src/durable/alarms.ts",
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
        "if (this.#expires === undefined || this.#expires > now) return false;",
        "if (this.#expires !== -1) return false;",
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

  // Who may do what, and how much.
  ...plant(
    "src/access/scopes.ts",
    "workerd",
    ["test/access/scopes.test.ts"],
    [
      [
        "access: admin in a token for elsewhere counts",
        'const admin = certain && words.includes("admin");',
        'const admin = words.includes("admin");',
      ],
      [
        "access: publish:a grants subscribe",
        'const subscribe = feedsFor("subscribe");',
        'const subscribe = feedsFor("publish");',
      ],
    ],
  ),
  ...plant(
    "src/access/claims.ts",
    "workerd",
    ["test/access/tokens.test.ts"],
    [["access: an expired token is good", 'if (left <= 0) return "expired";', ""]],
  ),
  ...plant(
    "src/access/credentials.ts",
    "workerd",
    ["test/http/access.test.ts", "test/http/read-access.test.ts"],
    [
      [
        "access: everyone may read a private feed",
        "{ subscribe: isPublic, publish: false",
        "{ subscribe: true, publish: false",
      ],
    ],
  ),
  ...plant(
    "src/http/origins.ts",
    "workerd",
    ["test/http/origins.test.ts"],
    [
      [
        "access: a page of any origin may subscribe",
        'entry.trim() === "*" || entry.trim() === origin',
        'entry.trim() !== "-"',
      ],
    ],
  ),
  ...plant(
    "src/limits/places.ts",
    "workerd",
    ["test/limits/places.test.ts"],
    [
      [
        "limits: one client IP takes one socket too many",
        "this.#byIp.of(clientIp) >= this.#perIp",
        "this.#byIp.of(clientIp) > this.#perIp",
      ],
      [
        "limits: all places may be taken without a key",
        'if (kind !== "key" && this.#anonymous + this.#tokens >= this.#share(WITHOUT_KEY)) return "overloaded";',
        "",
      ],
    ],
  ),
  ...plant(
    "src/limits/token-bucket.ts",
    "workerd",
    ["test/limits/quotas.test.ts", "test/durable/sockets/quotas.test.ts"],
    [["limits: a rate never runs out", "if (wait === 0) this.#tokens -= tokens;", ""]],
  ),

  // The wire.
  ...plant(
    "src/feed/fanout/encoded-message.ts",
    "workerd",
    ["test/http/event-stream.test.ts", "test/feed/fanout/convergence.test.ts"],
    [
      [
        "SSE: a part of a snapshot has an id",
        "isLast ? { epoch: list.epoch, seq: list.seq } : undefined",
        "{ epoch: list.epoch, seq: list.seq }",
      ],
    ],
  ),
  ...plant(
    "src/durable/sockets/frames.ts",
    "workerd",
    ["test/durable/sockets/frames.test.ts", "test/http/long-poll.test.ts"],
    [["long poll: ends though nothing has changed", "message.isEmpty ? undefined : CHANGED", "CHANGED"]],
  ),
  ...plant(
    "src/http/publish-body.ts",
    "workerd",
    ["test/http/body-steps.test.ts"],
    [["bodies: a long line is counted twice", "work = Math.max(0, work - step.value);", ""]],
  ),

  // The SDKs.
  ...plant(
    "src/client/view.ts",
    "node",
    ["test/client/view.test.ts"],
    [
      [
        "client: a gap is not seen",
        'expectThat(!awaitsSnapshot && !partial && from === seq, "a gap");',
        'expectThat(!awaitsSnapshot && !partial, "a gap");',
      ],
      [
        "client: a broken message is applied in part",
        "draft.set(key, value);",
        "draft.set(key, value);\n      if (value) entries.set(key, value);",
      ],
      [
        "client: a part of a snapshot from before the cut stays",
        "      partial = undefined;\n      helloSeq = 0;",
        "      helloSeq = 0;",
      ],
    ],
  ),
  ...plant(
    "src/client/connection/transitions.ts",
    "node",
    ["test/client/reconnecting.test.ts", "test/client/machine.test.ts", "test/client/feed.test.ts"],
    [
      [
        "client: resumes with another selection's position",
        "return faults < 2 && isEqual(reached?.keys, wanted.keys);",
        "return faults < 2;",
      ],
      ["client: retries what was refused for good", 'if (policy === "stop" || (', "if (("],
      ["client: failures do not make it wait longer", "failures: failures + 1,", "failures,"],
    ],
  ),
  ...plant(
    "src/client/connection/retry-policy.ts",
    "node",
    ["test/client/reconnecting.test.ts", "test/client/machine.test.ts", "test/client/feed.test.ts"],
    [
      [
        "client: an overloaded server is asked again at once",
        "if (status === 429 || status === 503)",
        "if (status === 429)",
      ],
    ],
  ),
  ...plant(
    "src/client/msgpack.ts",
    "node",
    ["test/client/msgpack.test.ts"],
    [
      [
        "msgpack: negative numbers of a byte are wrong",
        "if (type >= 0xe0) return type - 0x100;",
        "if (type >= 0xe0) return type;",
      ],
      [
        "msgpack: a frame with more behind a message is taken",
        'if (at < frame.length) throw new RangeError("more than one message in a frame");',
        "",
      ],
    ],
  ),
  ...plant(
    "src/publisher/repetition.ts",
    "node",
    ["test/publisher/retry.test.ts", "test/publisher/exactly-once.test.ts"],
    [
      [
        "publisher: repeats under another identity",
        "return first.principal === next.principal",
        "return first.principal !== undefined",
      ],
      [
        "publisher: repeats what the server has forgotten",
        "if (elapsed(first) > SENT_MS) return",
        "if (elapsed(first) < 0) return",
      ],
    ],
  ),
  ...plant(
    "src/publisher/request.ts",
    "node",
    ["test/publisher/retry.test.ts", "test/publisher/publisher.test.ts"],
    [
      [
        "publisher: an answer that is no receipt is success enough",
        "const doubtful = !NOT_NOW.has(",
        "const doubtful = NOT_NOW.has(",
      ],
    ],
  ),
  ...plant(
    "src/publisher/publisher.ts",
    "node",
    ["test/publisher/publisher.test.ts", "test/publisher/exactly-once.test.ts"],
    [["publisher: half of a refused batch is lost", "await this.#send(calls.slice(middle));", ""]],
  ),
  ...plant(
    "src/dashboard/model/rows.ts",
    "node",
    ["test/dashboard/rows.test.ts", "test/dashboard/columns.test.ts"],
    [
      [
        "dashboard: a filter does not reach a row that changes",
        "if (shown !== row.shown) this.#membersChanged = true;",
        "",
      ],
      ["dashboard: rows move at each change", "Math.max(REORDER_AFTER, rest)", "rest"],
      [
        "dashboard: rows without a value come first when descending",
        "return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);",
        "return sign * ((a === undefined ? 1 : 0) - (b === undefined ? 1 : 0));",
      ],
      ["dashboard: any word of the filter is enough", "return words.every((word)", "return words.some((word)"],
    ],
  ),
  ...plant(
    "src/dashboard/model/key-history.ts",
    "node",
    ["test/dashboard/key-history.test.ts"],
    [["dashboard: what came while a page was loaded is twice in the chart", ".filter(({ seq }) => seq > last);", ";"]],
  ),
];
