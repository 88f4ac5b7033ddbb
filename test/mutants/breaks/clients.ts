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
    "src/client/sharing/shared-connection.ts",
    "node",
    ["test/client/sharing.test.ts"],
    [
      [
        "sharing: shows keys that are about to be left",
        "new Set([reached, asked ?? reached, wanted ?? reached])",
        "new Set([reached])",
      ],
      [
        "sharing: leaves what is still shown",
        "for (const lens of lenses.all()) if (used.has(lens)) merging.add(lens.selection);",
        "",
      ],
      ["sharing: tells a change twice", "if (!own || arriving.has(member)) continue;", "if (!own) continue;"],
    ],
  ),
  ...plant(
    "src/client/age.ts",
    "node",
    ["test/client/age.test.ts"],
    [["age: goes by the server's clock", "Math.min(now, at + (ahead ?? 0))", "Math.min(now, at)"]],
  ),
  ...plant(
    "src/client/connection/transitions.ts",
    "node",
    ["test/client/connection.test.ts"],
    [["client: stops for good on a guess", 'if (policy === "retry" || event.isGuess) {', 'if (policy === "retry") {']],
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
        "if (elapsed(first, next) > SENT_MS) return",
        "if (elapsed(first, next) < 0) return",
      ],
    ],
  ),
  ...plant(
    "src/publisher/repetition.ts",
    "node",
    ["test/publisher/session.test.ts"],
    [
      [
        "publisher: goes on with a session that the server may forget meanwhile",
        "elapsed(last, next) < SESSION_IDLE_MS;",
        "elapsed(last, next) < Infinity;",
      ],
    ],
  ),
  ...plant(
    "src/publisher/answer.ts",
    "node",
    ["test/publisher/retry.test.ts", "test/publisher/publisher.test.ts"],
    [
      [
        "publisher: an answer that is no receipt is success enough",
        "doubtful: !NOT_NOW.has(",
        "doubtful: NOT_NOW.has(",
      ],
    ],
  ),
  ...plant(
    "src/publisher/queue.ts",
    "node",
    ["test/publisher/outage.test.ts"],
    [
      ["publisher: merges what somebody waits for", "(this.#isMerging && !isAwaited(call))", "this.#isMerging"],
      [
        "publisher: moves an update over one that came between",
        "call.keys.every((key) => this.#last.get(key) === call) &&",
        "",
      ],
    ],
  ),
  ...plant(
    "src/publisher/failures.ts",
    "node",
    ["test/publisher/outage.test.ts"],
    [
      [
        "publisher: tells a failure that somebody waits for",
        "if (!outcome.isAwaited) this.tell(failure);",
        "this.tell(failure);",
      ],
    ],
  ),
  ...plant(
    "src/publisher/merge.ts",
    "node",
    ["test/publisher/merge.test.ts"],
    [["publisher: merges patches that have versions", 'isAbove && !("patch" in second)', "isAbove"]],
  ),
  ...plant(
    "src/publisher/recovery.ts",
    "node",
    ["test/publisher/refused.test.ts", "test/publisher/exactly-once.test.ts", "test/publisher/sockets.test.ts"],
    [
      [
        "publisher: half of a refused batch is lost",
        "replaceHead([calls.slice(0, middle), calls.slice(middle)]);",
        "replaceHead([calls.slice(0, middle)]);",
      ],
      ["publisher: goes on at full speed after it was told to wait", "if (!doubtful) this.#mostUnderWay = 1;", ""],
    ],
  ),
  ...plant(
    "src/publisher/session.ts",
    "node",
    ["test/publisher/session.test.ts"],
    [
      [
        "publisher: gives a number away that may yet be applied with what it was first",
        "if (rest.some(({ doubt }) => doubt)) this.restart();\n    else ",
        "",
      ],
      [
        "publisher: a session goes on after a number whose outcome is unknown",
        "!doubt);\n    this.restart();",
        "!doubt);",
      ],
    ],
  ),
  ...plant(
    "src/publisher/delivery.ts",
    "node",
    [
      "test/publisher/sockets.test.ts",
      "test/publisher/transports.test.ts",
      "test/publisher/pipeline-exactly-once.test.ts",
    ],
    [
      [
        "publisher: what a cut leaves in doubt is called undone",
        "afterMs: this.#posts ? 0 : afterMs, doubtful: true",
        "afterMs: this.#posts ? 0 : afterMs, doubtful: false",
      ],
      [
        "publisher: sends again while others are still under way",
        "if (this.#isHalted && this.#session.underWay === 0)",
        "if (this.#isHalted)",
      ],
      [
        "publisher: changes its way while something is under way",
        "if (this.#session.underWay === 0) this.#line = best;",
        "this.#line = best;",
      ],
    ],
  ),
  ...plant(
    "src/publisher/over-socket.ts",
    "node",
    ["test/publisher/sockets.test.ts", "test/publisher/transports.test.ts"],
    [
      ["publisher: waits for ever for one answer while others come", "if (id === oldest) this.#since", "this.#since"],
      ["publisher: an idle socket is held for good", 'else if (quiet >= IDLE_MS) this.#end("idle", DONE);', ""],
    ],
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
  ...plant(
    "src/elements/status-words.ts",
    "node",
    ["test/elements/words.test.ts"],
    [
      [
        "elements: a value that is not live looks as if it were",
        "if (!isLive) return",
        "if (!isLive && !reason) return",
      ],
    ],
  ),
  ...plant(
    "src/elements/value-text.ts",
    "node",
    ["test/elements/value-text.test.ts"],
    [["elements: a small number is shown as 0", "Math.abs(value) < SMALLEST ? String(value) : ", ""]],
  ),
];
