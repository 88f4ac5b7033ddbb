import type { Access } from "../../access/access.ts";
import { accessBy, type AccessSettings } from "../../access/credentials.ts";
import type { FeedOptions } from "../../declared/feed.ts";
import type { FeedRules } from "../../feed/state/feed-rules.ts";
import { quotasOf, type Quotas, type QuotaSettings } from "../../limits/quotas.ts";
import { replicaPolicyOf, type ReplicaPolicy, type ReplicaSettings } from "../../placement/replica-policy.ts";
import type { PublishRefusal } from "../requests/publish-queue.ts";
import type { EncodedUpdates } from "../../protocol/update.ts";
import type { Directory } from "../directory/rpc.ts";
import type { Replica } from "../links/rpc.ts";
import { DEFAULT_POLICY, type FeedPolicy } from "./policy.ts";

/** What a feed's object works with. A Worker with other names or rules overrides `FeedObject.configure`. */
export interface FeedObjectOptions {
  /** Checks credentials that come over a socket. */
  readonly access: Access;
  /** Where feeds are listed; undefined if they are not. */
  readonly directory: DurableObjectStub<Directory> | undefined;
  /** Objects that follow feeds and serve their subscribers; undefined if there are none. */
  readonly replicas: Pick<DurableObjectNamespace<Replica>, "getByName"> | undefined;
  /** When a feed gets replicas; undefined if never. */
  readonly replicaPolicy: ReplicaPolicy | undefined;
  /** When the feed commits and flushes. */
  readonly policy: FeedPolicy;
  readonly quotas: Quotas;
  readonly rules: FeedRules;
  /** Seconds without an update after which clients say that the feed is silent. */
  readonly silentAfter: number | undefined;
  readonly vet: VetPublish | undefined;
}

/** Says why an operator's own rules refuse the updates of a subject; undefined if they do not. */
export type VetPublish = (updates: EncodedUpdates, subject: string | undefined) => PublishRefusal | undefined;

/** What code declares of a feed, as its object takes it. */
export interface DeclaredRules extends Omit<FeedOptions, "value">, Pick<FeedRules, "check"> {
  readonly vet?: VetPublish | undefined;
}

/** Bindings and secrets that the object reads unless `configure` is overridden. */
export interface FeedObjectEnv extends AccessSettings, QuotaSettings, ReplicaSettings {
  readonly DIRECTORY?: DurableObjectNamespace<Directory>;
  readonly FEED_REPLICAS?: DurableObjectNamespace<Replica>;
}

/** The options that the bindings and secrets of an environment describe, and what is declared of the feed in code. */
export function optionsOf(env: FeedObjectEnv, declared: DeclaredRules = {}): FeedObjectOptions {
  const quotas = quotasOf(env, declared);
  const { ttl, check, silentAfter, vet } = declared;
  return {
    access: accessBy(env, () => declared),
    directory: env.DIRECTORY?.getByName("feeds"),
    replicas: env.FEED_REPLICAS,
    replicaPolicy: env.FEED_REPLICAS && replicaPolicyOf(env, DEFAULT_POLICY.flush),
    policy: DEFAULT_POLICY,
    quotas,
    rules: { ...quotas.feed, ttl, check },
    silentAfter,
    vet,
  };
}
