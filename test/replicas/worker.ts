// The Worker of the tests of replicas: each feed has three from the beginning.
import { deploymentOf } from "../../src/http/deployment.ts";
import { createFeedApp } from "../../src/http/app.ts";
import { FeedObject as DeployedFeed } from "../../src/durable/feed-object.ts";
import { ReplicaObject as DeployedReplica, type ReplicaObjectEnv } from "../../src/durable/replica/replica-object.ts";
import type { FeedObjectOptions } from "../../src/durable/serving/options.ts";

export { DirectoryObject } from "../../src/durable/directory/directory-object.ts";

/** What both do alike. An eviction waits for timers. */
function quick(options: FeedObjectOptions): FeedObjectOptions {
  return {
    ...options,
    policy: { ...options.policy, links: { ...options.policy.links, settled: 20, report: 20, join: 20 } },
  };
}

export class ReplicaObject extends DeployedReplica {
  protected override configure(env: ReplicaObjectEnv): FeedObjectOptions {
    return quick(super.configure(env));
  }
}

export class FeedObject extends DeployedFeed<TickertapeEnv> {
  constructor(ctx: DurableObjectState, env: TickertapeEnv) {
    super(ctx, env);
    // As if they had followed before.
    ctx.storage.kv.put(
      "followers",
      [0, 1, 2].map((index) => `${ctx.id.name}/wnam/${index}`),
    );
  }

  protected override configure(env: TickertapeEnv): FeedObjectOptions {
    const options = super.configure(env);
    const { replicaPolicy } = options;
    if (!replicaPolicy) throw new Error("these tests are of replicas");
    return quick({ ...options, replicaPolicy: { ...replicaPolicy, sockets: 1, most: 3 } });
  }
}

export default createFeedApp(deploymentOf) satisfies ExportedHandler<TickertapeEnv>;
