import type { Hono } from "hono";
import type { FeedDeclaration } from "../declared/feed.ts";
import type { FeedName, ValueOf } from "../protocol/declared-feeds.ts";
import type { Receipt, Update } from "../protocol/published.ts";

/** Feeds by name, or by a pattern of names that ends in `*`. */
export type Declared = Readonly<Record<string, FeedDeclaration>>;

/** The bindings that a deployment needs, with the names of its settings beside them: see docs/settings.md. */
export interface FeedBindings {
  readonly FEEDS: ObjectBinding;
  readonly DIRECTORY: ObjectBinding;
  readonly FEED_REPLICAS?: ObjectBinding | undefined;
  readonly ADDRESS_RATE?: RateLimit | undefined;
  readonly CREDENTIAL_RATE?: RateLimit | undefined;
}

/** Of any class: which one it is, the configuration says. */
export interface ObjectBinding {
  getByName(name: string): unknown;
}

/** Who a request comes from, by your own sign-in. */
export interface Visitor {
  /** Who it is: limits are counted by it, and `onPublish` is told. At most 256 characters. */
  readonly subject: string;
  /** Names and name patterns of the feeds that it may read. What anyone may read, it may too. */
  readonly subscribe?: readonly string[] | undefined;
  /** The same of those that it may publish to. */
  readonly publish?: readonly string[] | undefined;
  /** Whether it may reset and remove feeds, and do all else. */
  readonly admin?: boolean | undefined;
  /** Until when: its sockets are closed then. A time, or milliseconds since 1970. */
  readonly until?: Date | number | undefined;
}

/** What `onPublish` is told beside the update. */
export interface PublishContext {
  readonly feed: string;
  readonly key: string;
  /**
   * Whom the credential names: `sub` of a token, `subject` of `authenticate`. Undefined for keys, for tokens
   * with no `sub` or a very long one, and for the Worker's own code.
   */
  readonly subject: string | undefined;
}

export interface TickertapeOptions<Feeds extends Declared, Env extends object> {
  /** The feeds that are served. All names are, with the rules of the settings, if not given. */
  readonly feeds?: Feeds | undefined;
  /** Where bindings, settings and secrets are in your environment, if they have other names in it. */
  readonly bindings?: ((env: Env) => FeedBindings) | undefined;
  /**
   * Your own sign-in, such as a session's cookie: who a request comes from; undefined if keys and tokens shall tell. Called for
   * each request that needs a credential, or may have one. A caller that is found here may come from a page of another origin only
   * if `ALLOWED_ORIGINS` names that one.
   */
  readonly authenticate?:
    | ((request: Request, env: Env) => Visitor | undefined | Promise<Visitor | undefined>)
    | undefined;
  /**
   * Your own rules: why an update is refused, in words for its publisher, or undefined. It runs on the feed's thread, for each
   * update of every way to publish, and has to answer at once.
   */
  readonly onPublish?: ((update: Update, context: PublishContext) => string | undefined) | undefined;
}

/** What `read` is asked for beside the feed. */
export interface ReadOptions {
  /** Keys, and beginnings of keys followed by `*`; all if not given. */
  readonly keys?: readonly string[] | undefined;
  /** Members of the values; all if not given. */
  readonly fields?: readonly string[] | undefined;
}

export interface PublishOptions {
  /** What is published again with the same key within ten minutes is not applied again. */
  readonly idempotencyKey?: string | undefined;
}

/** A feed at one moment: what `GET /v1/feeds/{feed}` answers. */
export interface Snapshot<Value> {
  readonly feed: string;
  readonly epoch: string;
  readonly seq: number;
  /** When the feed last changed, in milliseconds since 1970; 0 if never. */
  readonly time: number;
  readonly entries: Readonly<Record<string, Value>>;
}

/** A class to export under the name that the configuration gives it. */
export type ObjectClass<Env> = new (
  ctx: DurableObjectState,
  env: Env,
) => Rpc.DurableObjectBranded & {
  fetch?(request: Request): Response | Promise<Response>;
  alarm?(): void | Promise<void>;
};

/** All that a Worker with feeds consists of. */
export interface Tickertape<Feeds, Env extends object> {
  /** Serves everything over HTTP. Export it, or mount it: `yours.route("/live", app)`. */
  readonly app: Hono<{ Bindings: Env }>;
  readonly FeedObject: ObjectClass<Env>;
  readonly DirectoryObject: ObjectClass<Env>;
  readonly ReplicaObject: ObjectClass<Env>;
  /**
   * Publishes from the Worker's own code, without HTTP: one update, or a batch, which is accepted as a whole. Resolves once it is
   * durable. Rejects with a `RefusedError` if nothing was published, with its `code` `outcome_unknown` if that is not known.
   */
  readonly publish: <Name extends FeedName<Feeds>>(
    env: Env,
    feed: Name,
    updates: Update<ValueOf<Feeds, Name>> | readonly Update<ValueOf<Feeds, Name>>[],
    options?: PublishOptions,
  ) => Promise<Receipt>;
  /** Reads the feed as it is now, without HTTP. Give it to `connect` as `initial`, and a page goes on from it. */
  readonly read: <Name extends FeedName<Feeds>>(
    env: Env,
    feed: Name,
    options?: ReadOptions,
  ) => Promise<Snapshot<ValueOf<Feeds, Name>>>;
}
