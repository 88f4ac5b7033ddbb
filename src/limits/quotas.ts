/*
 * How much callers may take. Every limit of this folder is counted on an account: the id of the caller's credential, else
 * its client IP.
 *
 * | file            | limits                                                              | counted in              |
 * | quotas.ts       | nothing itself: the numbers of a deployment, read from its settings |                         |
 * | token-bucket.ts | rates: publishes of a credential, messages of a socket, ...         | the feed's object       |
 * | places.ts       | what may be open at a time: sockets, long answers                   | the feed's object       |
 * | fair-queue.ts   | how long work holds the object's thread: publishes, long messages   | the feed's object       |
 * | polled-queue.ts | how long work holds the Worker's thread: reading publish bodies     | each isolate of the Worker |
 *
 * docs/decisions/two-queues.md says why there are two queues.
 */
import { readNumber, SETTINGS, type NumberSetting, type Settings } from "../access/settings.ts";
import type { FeedOptions } from "../declared/feed.ts";
import type { FeedLimits } from "../protocol/limits.ts";
import { readNamePattern, type NameFilter } from "../protocol/name-patterns.ts";

/** How often something may be done: `perSecond` in the long run, and `burst` at once after a quiet time. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Bytes or characters of a publish that count as one more publish: the feed's thread needs about as long for them. */
export const PUBLISH_WEIGHT = 16 * 1024;

/** How much of a deployment callers may take. */
export interface Quotas {
  /** The feeds that are served; there are no others. */
  readonly serves: NameFilter;
  /** Feeds that may exist. */
  readonly feeds: number;
  readonly feed: FeedLimits;
  /** Publishes of one credential to one feed. A long one counts as several: see `PUBLISH_WEIGHT`. */
  readonly publish: Rate;
  /** Sockets of one object of a feed. */
  readonly sockets: number;
  /** Of them, how many may come from one client IP. */
  readonly socketsPerIp: number;
  /** Messages of one socket, except publishes. A long one counts as several. */
  readonly messages: Rate;
  /** The same for all sockets of one account. */
  readonly accountMessages: Rate;
}

/** The settings that quotas are read from. */
export type QuotaSettings = Pick<Settings, NumberSetting | "FEED_NAMES">;

/**
 * All sockets of one account may send as much as this many sockets at their full rate: far more than an office or the
 * readers of a site do, who send something for each 256 KB that they get. It takes a tenth of the thread.
 */
const ACCOUNT_SOCKETS = 10;
/** Bursts of one socket that an account may send at once: a message takes some 40 us, and others wait at most 0.1 s. */
const ACCOUNT_BURSTS = 2;

/** The quotas that code may declare for a feed. Names are those of the settings. */
type DeclaredQuotas = Pick<
  FeedOptions,
  "maxKeys" | "maxLength" | "maxHistory" | "publishRate" | "publishBurst" | "maxSockets"
>;

/** Reads the settings. Throws if one is not understood. What is declared for a feed counts before them. */
export function quotasOf(settings: QuotaSettings, declared: DeclaredQuotas = {}): Quotas {
  const number = (name: NumberSetting): number => readNumber(settings, name);
  const {
    maxKeys: keys = number("MAX_KEYS"),
    maxLength: length = number("MAX_LENGTH"),
    maxHistory: history = number("MAX_HISTORY"),
    publishRate: perSecond = number("PUBLISH_RATE"),
    publishBurst: burst = number("PUBLISH_BURST"),
    maxSockets: sockets = number("MAX_SOCKETS"),
  } = declared;
  return {
    serves: readFeedNames(settings.FEED_NAMES ?? SETTINGS.FEED_NAMES),
    feeds: number("MAX_FEEDS"),
    feed: { keys, length, history },
    publish: { perSecond, burst },
    sockets,
    socketsPerIp: number("MAX_SOCKETS_PER_ADDRESS"),
    messages: { perSecond: number("MESSAGE_RATE"), burst: number("MESSAGE_BURST") },
    accountMessages: {
      perSecond: ACCOUNT_SOCKETS * number("MESSAGE_RATE"),
      burst: ACCOUNT_BURSTS * number("MESSAGE_BURST"),
    },
  };
}

/** Name patterns, separated by commas or spaces. */
function readFeedNames(names: string): NameFilter {
  const patterns = names.split(/[\s,]+/).filter((pattern) => pattern !== "");
  const filters = patterns.map((pattern) => {
    const filter = readNamePattern(pattern);
    if (!filter) throw new Error(`FEED_NAMES has what is no pattern of names: ${pattern}`);
    return filter;
  });
  if (filters.length === 0) throw new Error("FEED_NAMES names no feed");
  return (feed) => filters.some((matches) => matches(feed));
}
