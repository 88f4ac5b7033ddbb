import { FEED_LIMITS } from "../protocol/limits.ts";

/** All settings, with defaults; undefined means none. docs/settings.md explains each, and a test compares the two. */
export const SETTINGS = {
  /** Keys are comma-separated, so that they can be rotated. This one may publish to every feed. */
  PUBLISH_KEY: undefined,
  /** May do everything. */
  ADMIN_KEY: undefined,
  /** May read `/metrics`, and what an anonymous caller may. */
  METRICS_KEY: undefined,
  /** Shared secrets of HS256 tokens: comma-separated, 32 bytes or more each. */
  JWT_SECRET: undefined,
  /** Where the public keys of RS256, ES256 and EdDSA tokens are published. */
  JWKS_URL: undefined,
  /** What `iss` has to be; anything if it is not set. */
  JWT_ISSUER: undefined,
  /** What `aud` has to be or include; anything if not set: a token may then have been made for another server. */
  JWT_AUDIENCE: undefined,
  /** `public`: anyone may read. `token`: reading needs a credential that allows it. Anything else means `token`. */
  SUBSCRIBE_ACCESS: "public",
  /** Other origins whose pages may read and publish: comma-separated, or `*`. */
  ALLOWED_ORIGINS: undefined,
  /** Any name: a credential that may publish is trusted with it, and reading a feed that does not exist stores nothing. */
  FEED_NAMES: "*",
  /** Far more than a deployment needs; a publisher that makes up names is stopped before it costs anything. */
  MAX_FEEDS: 10_000,
  /** These three limit the size of a snapshot and of a history, and so the object's memory and storage. */
  MAX_KEYS: FEED_LIMITS.keys,
  MAX_LENGTH: FEED_LIMITS.length,
  MAX_HISTORY: FEED_LIMITS.history,
  /** A second. The rate that the platform recommends for one object. */
  PUBLISH_RATE: 1_000,
  /** A publisher that was offline for a minute can catch up; one that runs wild is held to the rate within seconds. */
  PUBLISH_BURST: 60_000,
  /** The platform allows 32,768. Each takes some 540 bytes; 20,000 leave enough of the object's memory for what they read. */
  MAX_SOCKETS: 20_000,
  /** An office behind one IP; more than that comes from a script. */
  MAX_SOCKETS_PER_ADDRESS: 1_000,
  /** `auto`: where they are needed; `off`: none; or the regions where they may be, comma-separated. */
  REPLICAS: "auto",
  /** Half of what an object takes: the rest is for those that come before the next one is in use. */
  REPLICA_SOCKETS: 10_000,
  /** Milliseconds that updates are gathered for. Most people see no delay below it. */
  REPLICA_WINDOW: 100,
  /** A second. Messages are billed; a dashboard sends one now and then, and an ack for each 256 KB. */
  MESSAGE_RATE: 50,
  MESSAGE_BURST: 1_000,
} as const;

/** The settings as a deployment has them: text, from wrangler.toml and from secrets. */
export type Settings = { readonly [Name in keyof typeof SETTINGS]?: string | undefined };

/** Those that are numbers. */
export type NumberSetting = {
  [Name in keyof typeof SETTINGS]: (typeof SETTINGS)[Name] extends number ? Name : never;
}[keyof typeof SETTINGS];

/** Reads a number. Throws if it is not understood: a limit that is mistyped must not become no limit. */
export function readNumber(settings: Settings, name: NumberSetting): number {
  const text = settings[name]?.trim() ?? "";
  if (text === "") return SETTINGS[name];
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new Error(`${name} is not a number above 0`);
}
