import { plant, type Mutant } from "../mutant.ts";

/** The SDKs and the dashboard. */
export const OF_THE_CLIENTS: readonly Mutant[] = [
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
    ["test/client/machine.test.ts", "test/client/connection.test.ts", "test/client/feed.test.ts"],
    [
      [
        "client: resumes with another selection's position",
        "return faults < 2 && isEqual(reached?.keys, wanted.keys) &&",
        "return faults < 2 &&",
      ],
      ["client: retries what was refused for good", 'if (policy === "stop" || (', "if (("],
      ["client: failures do not make it wait longer", "failures: failures + 1,", "failures,"],
    ],
  ),
  ...plant(
    "src/connecting/retry-policy.ts",
    "node",
    ["test/client/machine.test.ts", "test/client/connection.test.ts", "test/client/feed.test.ts"],
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
    ["test/publisher/refused.test.ts", "test/publisher/exactly-once.test.ts"],
    [["publisher: half of a refused batch is lost", "await this.#send(calls.slice(middle));", ""]],
  ),
  ...plant(
    "src/dashboard/model/rows.ts",
    "node",
    ["test/dashboard/rows.test.ts", "test/dashboard/columns.test.ts"],
    [
      [
        "dashboard: a filter does not reach a row that changes",
        "if (shown !== (row?.shown ?? false)) this.#membersChanged = true;",
        "if (shown && row === undefined) this.#membersChanged = true;",
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
