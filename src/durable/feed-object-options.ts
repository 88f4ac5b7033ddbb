import type { Access } from "../access/access.ts";
import { accessBy, type AccessSettings } from "../access/credentials.ts";
import { quotasOf, type Quotas, type QuotaSettings } from "../limits/quotas.ts";
import type { Directory } from "./directory/rpc.ts";
import { DEFAULT_POLICY, type FeedPolicy } from "./live-feed.ts";

/** What a feed's object works with. A Worker with other names or rules overrides `FeedObject.configure`. */
export interface FeedObjectOptions {
  /** Checks credentials that come over a socket. */
  readonly access: Access;
  /** Where feeds are listed; undefined if they are not. */
  readonly directory: DurableObjectStub<Directory> | undefined;
  /** When the feed commits and flushes. */
  readonly policy: FeedPolicy;
  readonly quotas: Quotas;
}

/** Bindings and secrets that the object reads unless `configure` is overridden. */
export interface FeedObjectEnv extends AccessSettings, QuotaSettings {
  readonly DIRECTORY?: DurableObjectNamespace<Directory>;
}

/** The options that the bindings and secrets of an environment describe. */
export function optionsOf(env: FeedObjectEnv): FeedObjectOptions {
  return {
    access: accessBy(env),
    directory: env.DIRECTORY?.getByName("feeds"),
    policy: DEFAULT_POLICY,
    quotas: quotasOf(env),
  };
}
