import { FEED_LIMITS, type FeedLimits } from "../protocol/limits.ts";
import { readPattern, type Covers } from "../access/patterns.ts";

/** How fast something may be done: so many a second in the long run, and so many at once after a quiet time. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** How much of a deployment callers may take. */
export interface Quotas {
  /** The feeds that are served; there are no others. */
  readonly serves: Covers;
  /** Feeds that may exist. */
  readonly feeds: number;
  readonly feed: FeedLimits;
  /** Publishes of one credential to one feed; a long one counts as several. */
  readonly publish: Rate;
  /** Subscribers of one feed. */
  readonly sockets: number;
  /** Of them, how many may come from one address. */
  readonly socketsPerAddress: number;
  /** Messages of one socket, but for what it publishes; a long one counts as several. */
  readonly messages: Rate;
  /** The same of all sockets that have one credential, or come from one address without any. */
  readonly ownerMessages: Rate;
}

/** The settings that quotas are read from, as text. What is not set has its default. */
export interface QuotaSettings {
  readonly FEED_NAMES?: string | undefined;
  readonly MAX_FEEDS?: string | undefined;
  readonly MAX_KEYS?: string | undefined;
  readonly MAX_LENGTH?: string | undefined;
  readonly MAX_HISTORY?: string | undefined;
  readonly PUBLISH_RATE?: string | undefined;
  readonly PUBLISH_BURST?: string | undefined;
  readonly MAX_SOCKETS?: string | undefined;
  readonly MAX_SOCKETS_PER_ADDRESS?: string | undefined;
  readonly MESSAGE_RATE?: string | undefined;
  readonly MESSAGE_BURST?: string | undefined;
}

/** Each default with its reason. */
export const DEFAULT_QUOTAS = {
  /** Any name: whoever may publish is trusted with it, and reading a feed that does not exist keeps nothing. */
  FEED_NAMES: "*",
  /** Far more than are meant to be; a publisher that makes names up is stopped before it costs anything. */
  MAX_FEEDS: 10_000,
  /** These three bound what a snapshot and a history can be, and with it the object's memory and storage. */
  MAX_KEYS: FEED_LIMITS.keys,
  MAX_LENGTH: FEED_LIMITS.length,
  MAX_HISTORY: FEED_LIMITS.history,
  /** A second. What the platform says that one object should take. */
  PUBLISH_RATE: 1_000,
  /** A publisher that was away for a minute may catch up; one that runs wild is held to the rate within seconds. */
  PUBLISH_BURST: 60_000,
  /** The platform takes 32,768 a feed; so many leave the object's memory, some 540 bytes each, to what they ask for. */
  MAX_SOCKETS: 20_000,
  /** An office behind one address; what is beyond it comes from a script. */
  MAX_SOCKETS_PER_ADDRESS: 1_000,
  /** A second. Messages are billed; a dashboard sends one now and then, and acks of 256 KB each. */
  MESSAGE_RATE: 50,
  MESSAGE_BURST: 1_000,
} as const;

/**
 * All sockets of one owner may say as much as so many that say all they may: far more than an office or a site's readers
 * do, who say something for each 256 KB that they get, and what takes a tenth of the thread.
 */
const OWNER_SOCKETS = 10;
/** Bursts of a socket that all of them may have at once: a message takes some 40 us, and nobody else may wait 0.1 s for it. */
const OWNER_BURSTS = 2;

/** Reads the settings. Throws where one is not understood: a limit that was mistyped must not be no limit. */
export function quotasOf(settings: QuotaSettings): Quotas {
  const number = (name: Exclude<keyof QuotaSettings, "FEED_NAMES">): number => {
    const text = settings[name];
    if (text === undefined || text.trim() === "") return DEFAULT_QUOTAS[name];
    if (/^[0-9]+(\.[0-9]+)?$/.test(text.trim()) && Number(text) > 0) return Number(text);
    throw new Error(`${name} is not a number above 0`);
  };
  return {
    serves: readNames(settings.FEED_NAMES ?? DEFAULT_QUOTAS.FEED_NAMES),
    feeds: number("MAX_FEEDS"),
    feed: { keys: number("MAX_KEYS"), length: number("MAX_LENGTH"), history: number("MAX_HISTORY") },
    publish: { perSecond: number("PUBLISH_RATE"), burst: number("PUBLISH_BURST") },
    sockets: number("MAX_SOCKETS"),
    socketsPerAddress: number("MAX_SOCKETS_PER_ADDRESS"),
    messages: { perSecond: number("MESSAGE_RATE"), burst: number("MESSAGE_BURST") },
    ownerMessages: {
      perSecond: OWNER_SOCKETS * number("MESSAGE_RATE"),
      burst: OWNER_BURSTS * number("MESSAGE_BURST"),
    },
  };
}

/** Patterns, separated by commas or spaces. */
function readNames(names: string): Covers {
  const patterns = names.split(/[\s,]+/).filter((pattern) => pattern !== "");
  const covers = patterns.map((pattern) => {
    const read = readPattern(pattern);
    if (!read) throw new Error(`FEED_NAMES has what is no pattern of names: ${pattern}`);
    return read;
  });
  if (covers.length === 0) throw new Error("FEED_NAMES names no feed");
  return (feed) => covers.some((covers) => covers(feed));
}
