import { plant, type Mutant } from "../mutant.ts";

/** What a feed is. */
export const OF_THE_FEED: readonly Mutant[] = [
  ...plant(
    "src/feed/state/feed.ts",
    "workerd",
    ["test/feed/state/feed.test.ts", "test/feed/state/batch.test.ts", "test/http/every-transport.test.ts"],
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
    ["test/feed/state/batch.test.ts", "test/feed/state/expiry.test.ts", "test/feed/state/feed.test.ts"],
    [
      [
        "batch: a key whose deletion the batch itself has had forgotten is in no index",
        "before?.live === false ? this.#entries.recall(key) : before",
        "before",
      ],
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
      ["limits: a patch may make a value of any length", "if (bytes > LIMITS.valueBytes) {", "if (bytes < 0) {"],
    ],
  ),
  ...plant(
    "src/feed/state/entries.ts",
    "workerd",
    ["test/feed/state/entries.test.ts", "test/feed/state/feed.test.ts"],
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
    ["test/feed/state/expiry.test.ts"],
    [
      ["expiry: an entry ends too early", "top.expires > now) return;", "top.expires > now + 1) return;"],
      ["expiry: entries end in no order", "left && right && timeOf(right) < timeOf(left) ? right : left", "left"],
    ],
  ),
  ...plant(
    "src/feed/state/idempotency.ts",
    "workerd",
    ["test/feed/state/idempotency.test.ts", "test/http/idempotency.test.ts"],
    [
      [
        "idempotency: another body gets the first receipt",
        "if (same === true) return",
        "if (same !== undefined) return",
      ],
      [
        "idempotency: a publish is remembered only once it is written",
        "this.#unwritten.set(remembered.ordinal, remembered);",
        "",
      ],
      [
        "idempotency: a key is remembered for ever",
        "if (found.at + LIMITS.idempotencyWindow > now) yield found;",
        "yield found;",
      ],
      [
        "idempotency: a POST is not compared with what came over a socket",
        'if (comparesBytes && found.digest !== "" && wanted.digest !== "") return',
        "if (found.digest !== undefined) return",
      ],
    ],
  ),
  ...plant(
    "src/feed/state/publisher-sessions.ts",
    "workerd",
    ["test/feed/state/publisher-sessions.test.ts", "test/durable/storage/session-rows.test.ts"],
    [
      ["sessions: a gap is jumped over", "number > session.last + 1", "number > session.last + 9"],
      ["sessions: another body gets the first receipt", "known.content === content ?", "known.content !== undefined ?"],
      ["sessions: one is known for ever", "return usedAt + LIMITS.idempotencyWindow > now;", "return usedAt <= now;"],
      [
        "sessions: one credential has all the room",
        "if (own + needed <= this.#most - this.#bytes) return 0;",
        "if (own + needed <= this.#most) return 0;",
      ],
    ],
  ),
  ...plant(
    "src/feed/state/known-publishes.ts",
    "workerd",
    ["test/feed/state/publisher-sessions.test.ts", "test/durable/storage/session-rows.test.ts"],
    [
      ["sessions: what the version before has accepted is accepted again", "if (single) return single;", ""],
      [
        "sessions: one that has only its first number is not known",
        'kind === "unknown" && !isAmongSingle(1) ? UNKNOWN',
        'kind === "unknown" ? UNKNOWN',
      ],
      [
        "sessions: one that is not known begins anywhere",
        "if (isAmongSingle(number - 1)) return undefined;",
        'if (kind === "unknown" || isAmongSingle(number - 1)) return undefined;',
      ],
      [
        "sessions: the first number has another body for each credential",
        "if (this.single.has(key, principal, now)) return OTHER_BODY;",
        "",
      ],
    ],
  ),
];
