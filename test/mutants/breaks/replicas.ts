import { plant, type Mutant } from "../mutant.ts";

/** A replica has what its leader has committed, or asks; and the plan of a feed. */
export const OF_REPLICAS: readonly Mutant[] = [
  ...plant(
    "src/replication/follower.ts",
    "workerd",
    ["test/replication/links.test.ts", "test/replication/shared-states.test.ts"],
    [
      ["replica: a push of another epoch is taken", "if (push.epoch !== epoch) return undefined;\n", ""],
      ["replica: records that do not join on are taken", "if (record.from !== reached) return undefined;\n", ""],
      ["replica: a state is served before all of it is there", " && this.#feed.seq >= this.#whole", ""],
    ],
  ),
  ...plant(
    "src/replication/links.ts",
    "workerd",
    ["test/replication/links.test.ts"],
    [
      [
        "link: a replica in another epoch counts as up to date",
        "position.epoch !== this.#epoch() || position.seq",
        "position.seq",
      ],
      [
        "link: a push that failed is not repeated",
        "link.isParked = now - link.failingSince >= patience;",
        "link.isParked = true;",
      ],
    ],
  ),
  ...plant(
    "src/durable/replica/remote-log.ts",
    "workerd",
    ["test/replication/remote-log.test.ts"],
    [
      [
        "replica: what the leader's log has is shown before the feed has it",
        "records.filter(({ seq }) => seq <= end)",
        "records",
      ],
    ],
  ),
  ...plant(
    "src/durable/replica/following.ts",
    "workerd",
    ["test/replication/following.test.ts"],
    [
      [
        "replica: each reader asks the leader by itself",
        "return (this.#next ??= this.#askNext());",
        "return this.#askNext();",
      ],
      [
        "replica: each waits for a leader that does not answer",
        "      this.#failedAt = this.#host.steady();\n      throw",
        "      throw",
      ],
    ],
  ),
  ...plant(
    "src/durable/replica/replica-object.ts",
    "replicas",
    ["test/replicas/replicas.test.ts"],
    [
      [
        "replica: a subscriber without a position is shown what there is",
        "    try {\n      await this.#following.refresh();\n    } catch (error) {\n      // What there is",
        "    try {\n      await this.#following.reach(undefined);\n    } catch (error) {\n      // What there is",
      ],
    ],
  ),
  ...plant(
    "src/durable/links/unsent-alarm.ts",
    "replicas",
    ["test/replicas/sleep.test.ts"],
    [["leader: what a lost memory left unsent is not sent", "this.#wakeBy(at);\n", ""]],
  ),
  ...plant(
    "src/replication/shared-states.ts",
    "workerd",
    ["test/replication/shared-states.test.ts"],
    [
      [
        "state: one who asks later reads on from where others are",
        "!this.isOver && this.#dropped === 0 &&",
        "!this.isOver &&",
      ],
      ["state: each is encoded anew", "if (walk.epoch === epoch && walk.mayBeJoined(now)) return walk.join(now);", ""],
      [
        "state: all is kept for one who is slow",
        "while (this.length > this.#policy.kept && this.#parts.length > 1) this.#dropOldest();",
        "",
      ],
      ["state: what all have taken is kept", "this.#walk.letGo(now);", ""],
    ],
  ),
  ...plant(
    "src/durable/replica/leaving.ts",
    "replicas",
    ["test/replicas/sleep.test.ts"],
    [
      ["replica: one without subscribers never leaves", ">= LEAVE_AFTER", "< 0"],
      ["replica: one that nobody needs asks for the state whenever it wakes", "!hasFeed || ", ""],
    ],
  ),
  ...plant(
    "src/durable/replica/replica-object.ts",
    "replicas",
    ["test/replicas/failures.test.ts"],
    [
      ["replica: one that its leader has lost does nothing", 'standing === "unknown" &&', "false &&"],
      [
        "replica: it asks though it has just heard",
        "now - this.#following.heardAt < this.options.policy.links.quiet",
        "false",
      ],
    ],
  ),
  ...plant(
    "src/durable/replica/following.ts",
    "workerd",
    ["test/replication/broken-states.test.ts"],
    [
      [
        "replica: a leader that falls silent in the midst of a state is waited for",
        "inTime(reader.read(), SILENCE, silent)",
        "reader.read()",
      ],
      [
        "replica: a state that breaks off is not asked for again",
        "if (states === MOST_STATES) throw error;",
        "throw error;",
      ],
    ],
  ),
  ...plant(
    "src/replication/links.ts",
    "workerd",
    ["test/replication/feed-links.test.ts"],
    [
      [
        "link: a push that is never answered is waited for",
        "if (link.isInFlight && now - link.notBefore + window >= silence) this.failed(link.name, now);",
        "",
      ],
    ],
  ),
  ...plant(
    "src/durable/sockets/connection.ts",
    "workerd",
    ["test/durable/sockets/take-over.test.ts"],
    [["replica: a snapshot goes on where another one was broken off", "before.hasPart", "false"]],
  ),
  ...plant(
    "src/placement/plan.ts",
    "workerd",
    ["test/placement/plan.test.ts"],
    [
      ["plan: shrinks at once", "now - since >= policy.shrinkAfter", "now >= since"],
      ["plan: those on their way do not count", "load.subscribers + load.arrived", "load.subscribers"],
    ],
  ),
];
