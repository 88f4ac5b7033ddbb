import { plant, type Mutant } from "../mutant.ts";

const PURE = ["test/feed/fanout/fields.test.ts", "test/feed/fanout/convergence.test.ts"];

/** What subscribers are sent who select fields. */
export const OF_FIELDS: readonly Mutant[] = [
  ...plant("src/feed/state/batch-draft.ts", "workerd", PURE, [
    [
      "fields: a patch that makes an entry meets one",
      "update.meetsEntry = draft.text !== undefined || draft.patch !== undefined;",
      "update.meetsEntry = true;",
    ],
    [
      "fields: a second patch of a batch makes the entry again",
      "draft.text !== undefined || draft.patch !== undefined;",
      "draft.text !== undefined;",
    ],
  ]),
  ...plant("src/feed/state/record-lines.ts", "workerd", PURE, [
    ["fields: the log does not say which patches made entries", 'return meets ? ` +${makers}` : "";', 'return "";'],
    [
      "fields: the log says that no patch has made an entry",
      'else if (change === "patch") makers += makers === "" ? i : `,${i}`;',
      "",
    ],
    [
      "fields: of lines that do not say it, each patch meets an entry",
      "makers !== undefined && !makers.has(seq - from - 1)",
      "!makers?.has(seq - from - 1)",
    ],
  ]),
  ...plant("src/feed/fanout/live/subscriber-index.ts", "workerd", PURE, [
    [
      "fields: a patch of others is sent",
      "if (fields && !concerns(fields)) return undefined;",
      "if (fields && !concerns(fields)) allowance.left--;",
    ],
    [
      "fields: to look for them is no work",
      "Math.floor(Math.min(names.size, fields.size) / NAMES_IN_AN_ADDITION)",
      "0",
    ],
    ["fields: what makes an entry is left out", "if (!update.meetsEntry) return true;", ""],
  ]),
  ...plant("src/feed/fanout/live/pending.ts", "workerd", PURE, [
    ["fields: what stands for merged updates is whole", "encodeEntry(entry, cut)", "encodeEntry(entry)"],
    [
      "fields: merged updates are whole",
      "cut ? cutUpdate(text ?? update.text, cut) : (text ?? update.text)",
      "text ?? update.text",
    ],
  ]),
  ...plant("src/feed/fanout/catch-up/changes-since.ts", "workerd", PURE, [
    ["fields: states on return are whole", "encodeEntry(entry, cut)", "encodeEntry(entry)"],
    [
      "fields: a look that does not reach the present tells all",
      'piece === "later" || piece.seq < feed.seq',
      'piece === "later"',
    ],
  ]),
  ...plant("src/feed/fanout/catch-up/snapshots.ts", "workerd", PURE, [
    ["fields: a part is cut once for all", '|${id ?? ""}|${fields?.id ?? ""}`', '|${id ?? ""}`'],
  ]),
  ...plant("src/feed/fanout/cutter.ts", "workerd", PURE, [
    ["fields: to cut is no work", "members ? fields.size * COST.key : value.length", "0"],
    ["fields: to note the members is no work", "meter.work += NOTING * value.length", "0"],
  ]),
  ...plant("src/feed/fanout/catch-up/recent-updates.ts", "workerd", PURE, [
    ["fields: patches that concern nobody are told on return", 'patch === undefined || cut(patch) !== "{}"', "true"],
    ["fields: what was forgotten is taken for unchanged", "from >= this.#start && ", ""],
  ]),
  ...plant(
    "src/protocol/members.ts",
    "workerd",
    ["test/protocol/fields.test.ts"],
    [
      ["fields: another text is taken for one that is noted", "known?.members.text === text", "known"],
      ["fields: members in the order in which they were asked for", "starts.sort((a, b) => a.at - b.at);", ""],
    ],
  ),
  ...plant("src/feed/fanout/catch-up/catch-up.ts", "workerd", PURE, [
    [
      "fields: an answer with others has only what was not selected before",
      "selection.fields?.id === before.fields?.id ? before : undefined",
      "before",
    ],
    ["fields: an empty message goes out", 'if (message.isEmpty && arrival !== "new") return this.#arrive(meter);', ""],
    [
      "subscribe: the answer is lost if the feed is built anew before it goes out",
      'return this.#next({ at: "snapshot", answers: resubscribe });',
      'this.#replaceSubscription(resubscribe);\n    return this.#next({ at: "snapshot" });',
    ],
  ]),
  ...plant(
    "src/protocol/selection.ts",
    "workerd",
    ["test/protocol/selection.test.ts", ...PURE],
    [["fields: groups of other fields are one", "id: `${selection.patterns}\\t${fields.id}`, fields", "fields"]],
  ),
  ...plant(
    "src/protocol/fields.ts",
    "workerd",
    ["test/protocol/fields.test.ts"],
    [["fields: a value ends with the last field that is found", "isWhole &&= end === text.length - 1;", ""]],
  ),
  ...plant(
    "src/durable/sockets/attachment.ts",
    "workerd",
    ["test/http/large-selections.test.ts"],
    [
      ["hibernation: fields do not outlive it", 'attachment["fields"] = compact(selection.fields.id);', ""],
      ["hibernation: keys and fields together do not fit", "LIMITS.selectionBytes / 6", "LIMITS.selectionBytes / 2"],
    ],
  ),
  ...plant(
    "src/client/connection/transitions.ts",
    "node",
    ["test/client/feed.test.ts", "test/client/convergence.test.ts"],
    [["client: a position of other fields is resumed from", " && isEqual(reached?.fields, wanted.fields)", ""]],
  ),
];
