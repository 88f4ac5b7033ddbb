import type { DeclaredFeed } from "../protocol/declared-feeds.ts";
import type { StandardSchema, ValueOfSchema } from "./standard-schema.ts";

/** What a feed is declared with. Where a limit is not given, the setting of the deployment counts. */
export interface FeedOptions<Schema extends StandardSchema = StandardSchema> {
  /**
   * Checks the value that an update would make, of a `patch` too. It only checks: what it would turn the value into is not
   * kept. It has to answer at once, since it runs on the feed's thread.
   */
  readonly value?: Schema | undefined;
  /** `public`: anyone may read. `token`: reading needs a credential that allows it. `SUBSCRIBE_ACCESS` if not given. */
  readonly subscribe?: "public" | "token" | undefined;
  /** `token` (if not given): a credential that may publish. `code`: only the Worker's own code, and admin keys. */
  readonly publish?: "token" | "code" | undefined;
  /** Seconds after which an entry is deleted unless a newer update comes, for updates that do not say it themselves. */
  readonly ttl?: number | undefined;
  /** Seconds without an update after which clients say that the feed is silent; never if not given. */
  readonly silentAfter?: number | undefined;
  /** Live keys: `MAX_KEYS`. */
  readonly maxKeys?: number | undefined;
  /** All keys and values together, in bytes of memory: `MAX_LENGTH`. */
  readonly maxLength?: number | undefined;
  /** How much of the past is kept, in characters of JSON: `MAX_HISTORY`. */
  readonly maxHistory?: number | undefined;
  /** Publishes of one credential a second: `PUBLISH_RATE`. */
  readonly publishRate?: number | undefined;
  /** Publishes of one credential at once, after a quiet time: `PUBLISH_BURST`. */
  readonly publishBurst?: number | undefined;
  /** Sockets of one object: `MAX_SOCKETS`. */
  readonly maxSockets?: number | undefined;
}

/** A feed, or all feeds of a name pattern, as code declares them. */
export interface FeedDeclaration<Value = unknown> extends DeclaredFeed<Value>, FeedOptions {}

/**
 * Declares a feed: `{ stocks: feed({ value: v.object({ last: v.number() }) }) }`. Without a schema, give the type of its
 * values yourself, which nothing checks: `feed<{ last: number }>({ silentAfter: 30 })`.
 */
export function feed<Schema extends StandardSchema>(
  options: FeedOptions<Schema> & { readonly value: Schema },
): FeedDeclaration<ValueOfSchema<Schema>>;
export function feed<Value = Record<string, unknown>>(
  options?: FeedOptions & { readonly value?: undefined },
): FeedDeclaration<Value>;
export function feed(options: FeedOptions = {}): FeedDeclaration {
  return options;
}
