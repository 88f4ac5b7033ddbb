import type { Access, Caller, DeclaredAccess } from "../access/access.ts";
import { accessBy } from "../access/credentials.ts";
import type { Settings } from "../access/settings.ts";
import type { DirectoryObject } from "../durable/directory/directory-object.ts";
import type { FeedObject } from "../durable/feed-object.ts";
import { DEFAULT_POLICY } from "../durable/serving/policy.ts";
import type { ReplicaObject } from "../durable/replica/replica-object.ts";
import { quotasOf, type Quotas } from "../limits/quotas.ts";
import type { Region } from "../placement/regions.ts";
import { replicaPolicyOf } from "../placement/replica-policy.ts";
import type { ValueSchemas } from "../specs/value-schemas.ts";
import { Problem } from "./problem.ts";

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
  /** The operator's own sign-in: the caller that a request comes from, or undefined if keys and tokens shall tell. */
  readonly signIn?: ((request: Request) => Promise<Caller | undefined>) | undefined;
  /** Schemas of the values of feeds that anyone may read, by name or name pattern. Anyone may read them too. */
  readonly valueSchemas?: ValueSchemas | undefined;
}

/** Bindings, variables and secrets, with the names that wrangler.toml and the documentation use. */
export interface FeedAppBindings extends Settings {
  readonly FEEDS: DurableObjectNamespace<FeedObject>;
  readonly FEED_REPLICAS?: DurableObjectNamespace<ReplicaObject> | undefined;
  readonly DIRECTORY: DurableObjectNamespace<DirectoryObject>;
  readonly ADDRESS_RATE?: RateLimit | undefined;
  readonly CREDENTIAL_RATE?: RateLimit | undefined;
}

/** What code says of a deployment, beside its bindings and settings. */
export interface DeploymentCode {
  /** The feeds that are declared, if they are; see `Declarations`. */
  readonly declared?:
    | {
        of(feed: string): DeclaredAccess | undefined;
        readonly all: readonly DeclaredAccess[];
        jsonSchemas(isShown: (declared: DeclaredAccess) => boolean): ValueSchemas;
      }
    | undefined;
  readonly signIn?: ((request: Request, access: Access) => Promise<Caller | undefined>) | undefined;
}

/** The deployment that the bindings and settings of an environment describe. */
export function deploymentOf(env: FeedAppBindings, code: DeploymentCode = {}): Deployment {
  const { declared, signIn } = code;
  const access = once(() => {
    const made = accessBy(env, (feed) => declared?.of(feed), declared?.all);
    for (const sentence of made.refused) console.warn(`tickertape: ${sentence}`);
    return made;
  });
  const quotas = once(() => {
    const made = quotasOf(env);
    if (!declared) return made;
    if (env.FEED_NAMES !== undefined)
      console.warn("tickertape: FEED_NAMES is not heeded, as the feeds are declared in code");
    return { ...made, serves: (feed: string) => declared.of(feed) !== undefined };
  });
  const valueSchemas = once(() => declared?.jsonSchemas((rules) => access().isPublic(rules)) ?? new Map());
  const replicas = once(() => ({ policy: replicaPolicyOf(env, DEFAULT_POLICY.flush) }));
  return {
    get feeds() {
      return bound("FEEDS", env.FEEDS);
    },
    get directory() {
      return bound("DIRECTORY", env.DIRECTORY);
    },
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
    signIn: signIn && ((request) => signIn(request, access())),
    get valueSchemas() {
      return valueSchemas();
    },
  };
}

/** A binding that there must be. `[env.NAME]` of wrangler.toml does not have what stands outside of it: it is easily forgotten. */
function bound<T extends object>(name: string, binding: T | undefined): T {
  if (binding) return binding;
  const detail = `This deployment has no binding ${name}. In wrangler.toml, each [env.NAME] needs durable_objects of its own.`;
  console.error(`tickertape: ${detail}`);
  throw new Problem("overloaded", detail, { retryAfter: 60 });
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
