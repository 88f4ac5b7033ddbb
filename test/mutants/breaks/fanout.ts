import { plant, type Mutant } from "../mutant.ts";

/** What subscribers are sent. */
export const OF_THE_FANOUT: readonly Mutant[] = [
  ...plant(
    "src/feed/fanout/live/prefix-index.ts",
    "workerd",
    ["test/feed/fanout/subscriber-index.test.ts"],
    [
      [
        "selections: a prefix of the key's own length is missed",
        "if (length > key.length) return;",
        "if (length >= key.length) return;",
      ],
      [
        "selections: a longer prefix is not found beside shorter ones",
        "for (; at < length; at++) hash",
        "for (at = 0; at < length; at++) hash",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/live/pending.ts",
    "workerd",
    ["test/feed/fanout/pending.test.ts", "test/feed/fanout/convergence.test.ts", "test/http/every-transport.test.ts"],
    [
      [
        "mode=all: an update is delivered twice",
        "if (update.seq > seq) updates.push(cut ?",
        "if (update.seq >= seq) updates.push(cut ?",
      ],

      ["conflation: the first of two updates of a key is sent", "conflated.merged.add(update);", ""],
    ],
  ),
  ...plant(
    "src/protocol/merge-patch.ts",
    "workerd",
    ["test/feed/fanout/merged-update.test.ts"],
    [
      [
        "conflation: a patch that replaces a value with an object merges",
        "if (!isJsonObject(earlier) || !composeInto(earlier, value)) return false;",
        "if (isJsonObject(earlier)) composeInto(earlier, value);",
      ],
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
        "conflation: a patch after a set forgets the set",
        'set: applyMergePatch("set" in first ? first.set : undefined, patch)',
        "set: applyMergePatch(undefined, patch)",
      ],
      [
        "conflation: a patch that others wait for is changed",
        "const target = this.#isOwn ? first.patch : copyOf(first.patch);",
        "const target = first.patch;",
      ],
      [
        "conflation: a set and a patch have the stamps of the set",
        'if (!("patch" in first)) return { ...stamps,',
        'if (!("patch" in first)) return { ...first, key: stamps.key,',
      ],
      [
        "conflation: a patch after a set that is too long to patch is sent alone",
        "this.#composed = first && this.#compose(first, second.update);",
        "this.#composed = first ? this.#compose(first, second.update) : second.update;",
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
    ["test/feed/fanout/pending.test.ts", "test/feed/fanout/convergence.test.ts"],
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
    [
      "test/feed/fanout/catch-up.test.ts",
      "test/feed/fanout/selections.test.ts",
      "test/feed/fanout/slow-consumers.test.ts",
      "test/durable/live-feed.test.ts",
      "test/durable/requests/reads.test.ts",
    ],
    [
      ["reset: a subscriber that lagged goes on to lag", "subscriber.lagging = false;", ""],
      ["history: keeps catch-ups waiting", "this.#start(job, this.#searches)", "this.#start(job)"],
      ["catch-up: does not ask for the commit that it needs", "return this.#jobs.needsCommit ||", "return"],
      ["flush: shows what is not committed", "|| this.#live.isDue(now);", ";"],
      [
        "hibernation: a subscriber that missed a reset counts as present",
        "position.epoch === this.#feed.epoch && position.seq",
        "position.seq",
      ],
      [
        "patterns: those of a subscriber that has gone count",
        "this.#selections.release(subscriber.subscription);\n    for (",
        "for (",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/paced-sink.ts",
    "workerd",
    ["test/feed/fanout/slow-consumers.test.ts"],
    [["slow consumer: is sent more before it has drained", "subscriber.lagging ? Math.min", "false ? Math.min"]],
  ),
  ...plant(
    "src/feed/fanout/catch-up/catch-up.ts",
    "workerd",
    [
      "test/feed/fanout/catch-up.test.ts",
      "test/feed/fanout/convergence.test.ts",
      "test/durable/sockets/subscribe.test.ts",
    ],
    [
      [
        "return: a position of another epoch counts as one of this",
        "if (epoch !== feed.epoch) {",
        "subscriber.epoch = feed.epoch;\n    if (false) {",
      ],
      [
        "return: a position that is ahead counts as the present one",
        'if (unchangedTo > feed.seq) return this.#next({ at: "freeze", reason: "position_ahead" });',
        "",
      ],
      [
        "reset: a replay goes on in the new epoch",
        'if (subscriber.epoch !== feed.epoch) return this.#next({ at: "decide" });',
        "",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/catch-up.ts",
    "workerd",
    ["test/feed/fanout/catch-up.test.ts"],
    [
      [
        "catch-up: it decides in a step of its own after each message",
        'return this.#subscriber.gone ? "done" : this.#decide(now, meter);',
        'return "more";',
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/reader.ts",
    "workerd",
    ["test/http/read.test.ts", "test/http/every-transport.test.ts"],
    [
      [
        "read: a position of another epoch counts as one of this",
        'if (since.epoch !== feed.epoch) return "epoch_changed";',
        "",
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/reader.ts",
    "workerd",
    ["test/feed/fanout/catch-up.test.ts"],
    [
      [
        "read: a snapshot instead of the log is given another turn in any case",
        'if (!this.#context.isCommitted()) return "more"',
        'return "more"',
      ],
    ],
  ),
  ...plant(
    "src/feed/fanout/catch-up/replay.ts",
    "workerd",
    ["test/feed/fanout/catch-up.test.ts", "test/feed/fanout/convergence.test.ts", "test/http/atomic.test.ts"],
    [
      [
        "batch: a replay splits it",
        "if (this.#length > limits.partLength) ranges.push(this.#close(from));\n      for (const text of updates) {",
        "for (const [i, text] of updates.entries()) {\n        if (this.#length > limits.partLength) ranges.push(this.#close(from + i));",
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
    [["snapshot: what a released list kept alive is forgotten", "this.#keep(list.keptBytes);", ""]],
  ),
  ...plant(
    "src/durable/serving/serving-feed.ts",
    "workerd",
    ["test/durable/live-feed.test.ts"],
    [
      [
        "flush: each write puts the timer off",
        "if (isArmed || next === this.#flushAt) return;",
        "if (next === this.#flushAt) return;",
      ],
      ["flush: only the timer begins one", "if (this.#share.isLate(this.#steady())) this.#onFlushTimer();", ""],
    ],
  ),
  ...plant(
    "src/limits/fair-queue.ts",
    "workerd",
    ["test/limits/fair-queue.test.ts"],
    [
      ["queue: little work is done at once whatever is owed", "this.#others.isOwed(hasLittle) || ", ""],
      ["queue: what is done in turns does not count", "    this.#others.tookIn(done);\n", ""],
    ],
  ),
];
