import { Declarations } from "../declared/declarations.ts";
import { DirectoryObject, type DirectoryObjectEnv } from "../durable/directory/directory-object.ts";
import { FeedObject } from "../durable/feed-object.ts";
import { ReplicaObject, type ReplicaObjectEnv } from "../durable/replica/replica-object.ts";
import {
  optionsOf,
  type DeclaredRules,
  type FeedObjectEnv,
  type FeedObjectOptions,
} from "../durable/serving/options.ts";
import { createFeedApp } from "../http/app.ts";
import { deploymentOf, type Deployment, type DeploymentCode, type FeedAppBindings } from "../http/deployment.ts";
import { publishByCode, readByCode } from "./calls.ts";
import { orRefused } from "./refused-error.ts";
import { checkBy, vetBy } from "./rules.ts";
import type { Declared, FeedBindings, Tickertape, TickertapeOptions } from "./types.ts";
import { callerOf } from "./visitor.ts";

/** What an environment has for objects and the HTTP side. */
type Bindings = FeedAppBindings & ReplicaObjectEnv & DirectoryObjectEnv & FeedObjectEnv;

/**
 * A Worker that serves feeds: its app, the classes of its objects, and calls for your own code.
 *
 * ```ts
 * export const feeds = { stocks: feed({ silentAfter: 30 }) };
 * const { app, FeedObject, DirectoryObject, ReplicaObject } = tickertape({ feeds });
 * export { FeedObject, DirectoryObject, ReplicaObject };
 * export default app;
 * ```
 *
 * Throws an error with a sentence if a declaration or an option is wrong.
 */
export function tickertape<const Feeds extends Declared, Env extends object = FeedBindings>(
  options: TickertapeOptions<Feeds, Env> = {},
): Tickertape<Feeds, Env> {
  checkOptions(options);
  const { feeds, onPublish, authenticate } = options;
  const declared = feeds && new Declarations(feeds);
  // What is bound, the configuration says: types cannot know it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const bindingsOf = (env: Env): Bindings => (options.bindings?.(env) ?? env) as Bindings;
  const rulesOf = (feed: string): DeclaredRules => {
    const { value, ...rules } = declared?.of(feed) ?? {};
    return { ...rules, check: value && checkBy(value, feed), vet: onPublish && vetBy(onPublish, feed) };
  };

  const deployments = new WeakMap<Env, Deployment>();
  const deploymentFor = (env: Env): Deployment => {
    let deployment = deployments.get(env);
    if (!deployment) {
      const signIn: DeploymentCode["signIn"] =
        authenticate &&
        (async (request, access) => {
          const visitor = await authenticate(request, env);
          return visitor && callerOf(visitor, access);
        });
      deployment = deploymentOf(bindingsOf(env), { declared, signIn });
      deployments.set(env, deployment);
    }
    return deployment;
  };

  class Feed extends FeedObject<Bindings> {
    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, bindingsOf(env));
    }
    protected override configure(env: Bindings): FeedObjectOptions {
      return optionsOf(env, rulesOf(this.feedName));
    }
  }
  class Replica extends ReplicaObject<Bindings> {
    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, bindingsOf(env));
    }
    protected override configure(env: Bindings): FeedObjectOptions {
      return optionsOf(env, rulesOf(this.feedName));
    }
  }
  class Directory extends DirectoryObject<Bindings> {
    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, bindingsOf(env));
    }
  }

  return {
    // Its own variables are nobody else's business.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    app: createFeedApp(deploymentFor) as unknown as Tickertape<Feeds, Env>["app"],
    FeedObject: Feed,
    ReplicaObject: Replica,
    DirectoryObject: Directory,
    publish: (env, feed, updates, more) => orRefused(() => publishByCode(deploymentFor(env), feed, updates, more)),
    read: (env, feed, more) => orRefused(() => readByCode(deploymentFor(env), feed, more)),
  };
}

const OPTIONS: Readonly<Record<keyof TickertapeOptions<Declared, object>, "object" | "function">> = {
  feeds: "object",
  bindings: "function",
  authenticate: "function",
  onPublish: "function",
};

/** A mistyped option would take a rule away in silence: without `feeds`, for one, every name is served to anyone. */
function checkOptions(options: object): void {
  const kinds = new Map<string, string>(Object.entries(OPTIONS));
  for (const [name, value] of Object.entries<unknown>({ ...options })) {
    const kind = kinds.get(name);
    if (kind === undefined)
      throw new Error(`tickertape: ${JSON.stringify(name)} is no option; there are ${Object.keys(OPTIONS).join(", ")}`);
    if (value !== undefined && (typeof value !== kind || value === null))
      throw new Error(`tickertape: ${name} is not ${kind === "object" ? "an object" : "a function"}`);
  }
}
