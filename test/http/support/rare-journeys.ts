import { large, type Ending, type Interest, type Step } from "./steps.ts";

const EVERYTHING: Interest = { keys: [], fields: [], mode: "latest", hz: undefined };
const published: Step = { do: "publish", over: "post", batches: [[{ key: "A", patch: { p: 1 } }]] };
const changed: Step = { do: "publish", over: "post", batches: [[{ key: "A", patch: { p: 2 } }]] };
const expiring: Step = { do: "publish", over: "post", batches: [[{ key: "B", set: {}, ttl: 1 }]] };
const muchPublished: Step = { do: "publish", over: "post", batches: [large] };
const whole: Step = {
  do: "read",
  who: 0,
  cache: 0,
  reading: { plain: true, known: false, unlessSame: false, lost: false },
};
const since: Step = { ...whole, reading: { ...whole.reading, plain: false } };
const lost: Step = { ...whole, reading: { ...since.reading, lost: true } };
const held: Step = { do: "open", who: 0, cache: 0, opening: { over: "json" } };
const streamed: Step = { do: "open", who: 0, cache: 0, opening: { over: "events", byQuery: true } };
const polled: Step = {
  do: "poll",
  who: 0,
  cache: 0,
  lost: false,
  evicts: false,
  updates: [{ key: "A", patch: { p: 3 } }],
};
const gone: Step = { do: "drop", who: 0 };
const caughtUp: Step = { do: "catchUp", who: 0 };

const forgotten: Step = { do: "evict" };
const expired: Step = { do: "expire", alarm: true };
const wasReset: Step = { do: "reset" };
const other: Step = { do: "select", who: 0, selected: { keys: ["A", "tech.*"], fields: [] } };
const cutNow: Step = { do: "select", who: 0, selected: { keys: [], fields: ["q"] } };
const wholeNow: Step = { do: "select", who: 0, selected: { keys: [], fields: [] } };
const EACH: Interest = { ...EVERYTHING, mode: "all" };
/** Waits after the first message, so that something else happens meanwhile. */
const SLOWLY: Interest = { ...EVERYTHING, hz: 5 };

/** Of the values that are published here, the second alone has a member that is asked for. */
const CUT: Interest = { ...EVERYTHING, fields: ["q"] };
const touched: Step = { do: "publish", over: "post", batches: [[{ key: "A", patch: { q: { r: 1 } } }]] };
const madeAgain: Step = {
  do: "publish",
  over: "post",
  batches: [
    [
      { key: "A", delete: true },
      { key: "A", patch: { p: 1 } },
    ],
  ],
};
const pollsInVain: Step = { ...polled, updates: [{ key: "A", patch: { p: 4 } }] };

/**
 * What chance brings together too seldom: one address in a shared cache that has two answers, by when or by how it is asked;
 * a feed that is reset; a client that selects something else while changes wait for it; more than comes in
 * one message, or stays in the journal. And on each transport once whatever has to be seen there.
 */
export const rareJourneys: [Interest[], Step[], Ending[]][] = [
  ...(["json", "packed", "events"] as const).map((over): [Interest[], Step[], Ending[]] => {
    const open: Step = { do: "open", who: 0, cache: 0, opening: { over } };
    const cut: Step = { ...open, opening: { over, cut: 1 } };
    return [[EVERYTHING], [published, open, caughtUp, gone, changed, open, caughtUp, cut, changed], ["read"]];
  }),
  [[EVERYTHING], [published, whole, changed, polled, { ...polled, lost: true }, wasReset, polled, polled], ["read"]],
  // A feed without a publish is known only by what a socket said of it.
  [[EVERYTHING], [held, caughtUp, { ...whole, reading: { ...whole.reading, unlessSame: true } }], ["json"]],
  [[EVERYTHING], [published, whole, held, published, caughtUp, lost, whole, since, since], ["read"]],
  [[EVERYTHING], [published, whole, since, streamed, published, caughtUp], ["events"]],
  [[EVERYTHING], [published, held, caughtUp, wasReset, caughtUp, published, wasReset, published, since], ["json"]],
  [[SLOWLY], [held, caughtUp, published, caughtUp, changed, other, caughtUp], ["read"]],
  ...(["json", "packed", "events"] as const).flatMap((over) =>
    ([CUT, { ...CUT, mode: "all" }] as const).map((interest): [Interest[], Step[], Ending[]] => {
      const open: Step = { do: "open", who: 0, cache: 0, opening: { over } };
      const live = [published, open, caughtUp, changed, touched, madeAgain, caughtUp];
      return [[interest], [...live, gone, changed, madeAgain, forgotten, changed, open, caughtUp, changed], [over]];
    }),
  ),
  [[CUT], [published, whole, pollsInVain, since, pollsInVain, touched, pollsInVain, madeAgain, since], ["read"]],
  [[EVERYTHING], [published, held, touched, caughtUp, cutNow, changed, touched, wholeNow, caughtUp], ["json"]],
  [[EACH], [expiring, whole, muchPublished, muchPublished, since, forgotten, expired, since], ["read"]],
  [[EACH], [expiring, held, caughtUp, muchPublished, forgotten, muchPublished, expired, caughtUp], ["events"]],
];
