import type { Access } from "../access/access.ts";
import { accessBy } from "../access/credentials.ts";
import type { Settings } from "../access/settings.ts";
import type { DirectoryObject } from "../durable/directory/directory-object.ts";
import type { FeedObject } from "../durable/feed-object.ts";
import { DEFAULT_POLICY } from "../durable/serving/policy.ts";
import type { ReplicaObject } from "../durable/replica/replica-object.ts";
import { quotasOf, type Quotas } from "../limits/quotas.ts";
import type { Region } from "../placement/regions.ts";
import { replicaPolicyOf } from "../placement/replica-policy.ts";

/** What a deployment consists of: its objects, and who may do what and how often. */
export interface Deployment {
  readonly feeds: Pick<DurableObjectNamespace<FeedObject>, "getByName">;
  /** Objects that follow feeds and serve their readers; undefined if there are none. */
  readonly replicas: Pick<DurableObjectNamespace<ReplicaObject>, "getByName"> | undefined;
  /** Where they may be. */
  readonly replicaRegions: readonly Region[];
  /** The directory's object, which is called `feeds`. */
  readonly directory: Pick<DurableObjectNamespace<DirectoryObject>, "getByName">;
  readonly access: Access;
  readonly quotas: Quotas;
  /** Counts requests without a valid credential, by client IP; undefined means no limit. */
  readonly ipRate: RateLimit | undefined;
  /** Counts requests with a valid credential, by its id; undefined means no limit. */
  readonly credentialRate: RateLimit | undefined;
  /** Other origins whose pages are allowed: comma-separated, or `*`. */
  readonly allowedOrigins: string;
}

/** Bindings, variables and secrets, with the names that wrangler.toml and the documentation use. */
export interface FeedAppBindings extends Settings {
  readonly FEEDS: DurableObjectNamespace<FeedObject>;
  readonly FEED_REPLICAS?: DurableObjectNamespace<ReplicaObject> | undefined;
  readonly DIRECTORY: DurableObjectNamespace<DirectoryObject>;
  readonly ADDRESS_RATE?: RateLimit | undefined;
  readonly CREDENTIAL_RATE?: RateLimit | undefined;
}

/** The deployment that the bindings and settings of an environment describe. */
export function deploymentOf(env: FeedAppBindings): Deployment {
  const access = once(() => {
    const made = accessBy(env);
    for (const sentence of made.refused) console.warn(`tickertape: ${sentence}`);
    return made;
  });
  const quotas = once(() => quotasOf(env));
  const replicas = once(() => ({ policy: replicaPolicyOf(env, DEFAULT_POLICY.flush) }));
  return {
    feeds: env.FEEDS,
    directory: env.DIRECTORY,
    // Read when they are first needed: a setting that cannot be read must not fail the health check.
    get replicas() {
      return replicas().policy && env.FEED_REPLICAS;
    },
    get replicaRegions() {
      return replicas().policy?.regions ?? [];
    },
    get access() {
      return access();
    },
    get quotas() {
      return quotas();
    },
    ipRate: env.ADDRESS_RATE,
    credentialRate: env.CREDENTIAL_RATE,
    allowedOrigins: env.ALLOWED_ORIGINS ?? "",
  };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
