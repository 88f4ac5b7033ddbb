import * as v from "valibot";
import { PROBLEMS } from "./codes.ts";
import { LIMITS } from "./limits.ts";
import type { TimedPosition } from "./position.ts";
import {
  changedSchema,
  countSchema,
  documented,
  entriesSchema,
  epochSchema,
  feedNameSchema,
  keySchema,
  namesOf,
  seqSchema,
  timeSchema,
} from "./schemas.ts";
import { receiptMembers, snapshotMessageSchema, updateMessageSchema, type Receipt } from "./server-messages.ts";
import { pastUpdateSchema, updateIssueSchema } from "./update.ts";

/*
 * What the server answers over HTTP: for each answer its schema, its type and, if it is not written by `JSON.stringify`,
 * its encoder. As with messages, the server may add members, and a client ignores those that it does not know.
 */

/** The feed of the examples. */
const stocks = { feed: "stocks", epoch: "k3v7x2qm4a", seq: 1045 };

export const receiptAnswerSchema = documented(
  v.object({ feed: feedNameSchema, ...receiptMembers }),
  "The batch is durable. Updates that are `stale` were counted and not applied.",
  { ...stocks, accepted: 3, stale: 0 },
);
export type ReceiptAnswer = v.InferOutput<typeof receiptAnswerSchema>;

/** The answer to a POST. Joined as text: one is written for each POST. */
export function encodeReceipt(feed: string, { epoch, seq, accepted, stale }: Receipt): string {
  return `{"feed":"${feed}","epoch":"${epoch}","seq":${seq},"accepted":${accepted},"stale":${stale}}`;
}

export const snapshotAnswerSchema = v.object({
  feed: feedNameSchema,
  epoch: epochSchema,
  seq: seqSchema,
  time: changedSchema,
  entries: entriesSchema,
});
export type SnapshotAnswer = v.InferOutput<typeof snapshotAnswerSchema>;

/** What comes before the members of `entries`, which are sent part by part; after them comes `}}`. */
export function encodeSnapshotAnswerStart(feed: string, { epoch, seq, time }: TimedPosition): string {
  return `{"feed":"${feed}","epoch":"${epoch}","seq":${seq},"time":${time},"entries":{`;
}

export const stateSchema = documented(
  v.union([snapshotAnswerSchema, updateMessageSchema, snapshotMessageSchema]),
  "The selected entries. With `since` an `update` message, or a `snapshot` message if the server cannot tell what has changed.",
  { ...stocks, time: 1732096000123, entries: { AAPL: { price: 191.2, size: 300 } } },
);

export const resetSchema = documented(
  v.union([
    v.object({ feed: feedNameSchema, epoch: epochSchema, seq: v.literal(0) }),
    v.object({ feed: feedNameSchema, forgotten: v.literal(true) }),
  ]),
  "The feed is empty and has a new epoch. With `forget` it is gone.",
  { feed: "stocks", epoch: "b2n7p4x5ra", seq: 0 },
);
export type ResetAnswer = v.InferOutput<typeof resetSchema>;

const figures = {
  feed: feedNameSchema,
  seq: seqSchema,
  keys: v.pipe(countSchema, v.description("Entries.")),
  subscribers: v.pipe(countSchema, v.description("Open sockets and streams.")),
};

export const feedListSchema = documented(
  v.object({
    feeds: v.array(
      v.object({
        ...figures,
        unreadable: v.optional(
          v.pipe(v.literal(true), v.description("The feed does not answer: the figures are the last that are known.")),
        ),
      }),
    ),
    next: v.optional(
      v.pipe(feedNameSchema, v.description("Send it as `after` for the next page. Missing on the last page.")),
    ),
  }),
  "The feeds that exist and that the caller may read, in order of their names.",
  { feeds: [{ feed: "stocks", seq: 1045, keys: 60, subscribers: 12 }] },
);
export type ListAnswer = v.InferOutput<typeof feedListSchema>;

export const historySchema = documented(
  v.object({
    feed: feedNameSchema,
    epoch: epochSchema,
    key: keySchema,
    updates: v.array(pastUpdateSchema),
    more: v.pipe(
      v.boolean(),
      v.description("Whether there are older updates. A page of long updates may have fewer than `limit`."),
    ),
  }),
  "The updates of the key that the feed still keeps, oldest first.",
  {
    feed: "stocks",
    epoch: "k3v7x2qm4a",
    key: "AAPL",
    updates: [{ seq: 1041, time: 1732096000123, patch: { price: 191.1 } }],
    more: true,
  },
);
export type HistoryAnswer = v.InferOutput<typeof historySchema>;

const replicaSchema = v.object({
  name: v.pipe(v.string(), v.description("The name of its object.")),
  region: v.pipe(v.string(), v.description("Where it was asked to be: a location hint of the platform.")),
  subscribers: countSchema,
  lagging: countSchema,
  seq: v.pipe(
    seqSchema,
    v.description("How far it is, as it last said; 0 if it has not said, or is in another epoch."),
  ),
  unreachableSince: v.exactOptional(
    v.pipe(
      timeSchema,
      v.description(
        "Since when it has not answered, in ms since 1970. It goes on serving what it has. Absent if it answers.",
      ),
    ),
  ),
});

export const statsSchema = documented(
  v.object({
    ...figures,
    epoch: epochSchema,
    lagging: v.pipe(countSchema, v.description("Subscribers that do not read what they are sent.")),
    replicas: v.pipe(
      v.array(replicaSchema),
      v.description(
        "Objects that serve subscribers beside the feed's own. `subscribers` and `lagging` count theirs too.",
      ),
    ),
    time: v.pipe(timeSchema, v.description("When the last update was accepted, in ms since 1970; 0 before the first.")),
    unfit: v.optional(
      v.pipe(
        countSchema,
        v.description("Entries from before the feed's schema was made stricter, which it refuses now; if it has one."),
      ),
    ),
    storage: v.pipe(countSchema, v.description("Bytes of storage in use.")),
    started: v.pipe(timeSchema, v.description("When the feed was loaded into memory, in ms since 1970.")),
  }),
  "The feed's figures.",
  {
    ...stocks,
    keys: 60,
    subscribers: 12,
    lagging: 0,
    replicas: [{ name: "stocks/weur/0", region: "weur", subscribers: 8, lagging: 0, seq: 1045 }],
    time: 1732096000123,
    storage: 40960,
    started: 1732090000000,
  },
);
export type StatsAnswer = v.InferOutput<typeof statsSchema>;

export const healthSchema = documented(v.object({ status: v.literal("ok") }), "The Worker answers.", { status: "ok" });

/** What begins the `type` of a problem, before its code. */
export const PROBLEM_TYPE = "urn:tickertape:problem:";

export const problemSchema = v.object({
  type: v.pipe(v.string(), v.metadata({ format: "uri", examples: [`${PROBLEM_TYPE}invalid_update`] })),
  title: v.picklist(Object.values(PROBLEMS).map(({ title }) => title)),
  status: v.picklist([...new Set(Object.values(PROBLEMS).map(({ status }) => status))]),
  detail: v.string(),
  code: v.picklist(namesOf(PROBLEMS)),
  issues: v.optional(
    v.pipe(
      v.array(updateIssueSchema),
      v.maxLength(LIMITS.reportedIssues),
      v.description("What is wrong with which update."),
    ),
  ),
});
export type ProblemAnswer = v.InferOutput<typeof problemSchema>;
