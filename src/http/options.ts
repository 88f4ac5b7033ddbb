import type { Context } from "hono";
import type { Access } from "../access/access.ts";
import { accessBy, type AccessSettings } from "../access/credentials.ts";
import { quotasOf, type Quotas, type QuotaSettings } from "../limits/quotas.ts";
import type { DirectoryObject } from "../durable/directory/directory-object.ts";
import type { FeedObject } from "../durable/feed-object.ts";

/** How the HTTP side finds its objects and decides who may do what. Each is asked once a request. */
export interface FeedAppOptions<Bindings extends object> {
  /** The namespace of the feeds' objects. */
  feeds(env: Bindings): DurableObjectNamespace<FeedObject>;
  /** The namespace of the directory's object. */
  directory(env: Bindings): DurableObjectNamespace<DirectoryObject>;
  access(env: Bindings): Access;
  quotas(env: Bindings): Quotas;
  /** Counts requests without a valid credential, by address; none given means no limit. */
  addressRate(env: Bindings): RateLimit | undefined;
  /** Counts requests with one, by credential; none given means no limit. */
  credentialRate(env: Bindings): RateLimit | undefined;
  /** Other origins whose pages are allowed: comma-separated, or `*`. */
  allowedOrigins(env: Bindings): string;
}

/** The names that wrangler.toml and the README use. */
export interface FeedAppBindings extends AccessSettings, QuotaSettings {
  readonly FEEDS: DurableObjectNamespace<FeedObject>;
  readonly DIRECTORY: DurableObjectNamespace<DirectoryObject>;
  readonly ALLOWED_ORIGINS?: string | undefined;
  readonly ADDRESS_RATE?: RateLimit | undefined;
  readonly CREDENTIAL_RATE?: RateLimit | undefined;
}

export const DEFAULT_OPTIONS: FeedAppOptions<FeedAppBindings> = {
  feeds: (env) => env.FEEDS,
  directory: (env) => env.DIRECTORY,
  access: oncePerEnv<FeedAppBindings, Access>((env) => {
    const access = accessBy(env);
    for (const sentence of access.refused) console.warn(`tickertape: ${sentence}`);
    return access;
  }),
  quotas: oncePerEnv<FeedAppBindings, Quotas>(quotasOf),
  addressRate: (env) => env.ADDRESS_RATE,
  credentialRate: (env) => env.CREDENTIAL_RATE,
  allowedOrigins: (env) => env.ALLOWED_ORIGINS ?? "",
};

/** An environment's settings never change: others come with a deployment, as another object. */
function oncePerEnv<Env extends object, T>(make: (env: Env) => T): (env: Env) => T {
  const made = new WeakMap<Env, T>();
  return (env) => {
    const kept = made.get(env);
    if (kept !== undefined) return kept;
    const value = make(env);
    made.set(env, value);
    return value;
  };
}

/** A request to one feed, once its name has been checked. */
export interface FeedVariables {
  feed: string;
}

export type FeedContext<Bindings extends object> = Context<{ Bindings: Bindings; Variables: FeedVariables }>;
