import { WorkerEntrypoint } from "cloudflare:workers";
import { FeedObject as DeployedFeed } from "../../../src/durable/feed-object.ts";
import { ReplicaObject as DeployedReplica } from "../../../src/durable/replica/replica-object.ts";
import type { FeedObjectOptions } from "../../../src/durable/serving/options.ts";
import { DEFAULT_POLICY } from "../../../src/durable/serving/policy.ts";
import { createFeedApp } from "../../../src/http/app.ts";
import { deploymentOf } from "../../../src/http/deployment.ts";
import { nextPlan, NO_PLAN } from "../../../src/placement/plan.ts";
import { replicaPolicyOf } from "../../../src/placement/replica-policy.ts";
import type { ApartCounts, PlanOfMany } from "./counts.ts";

/*
 * The real Worker and its objects, in several processes: in one, feeds have their leaders, in the others their replicas, a thread
 * each as far as there are processes. What they ask of each other goes over a connection, as it does between machines, so that
 * the system can tell their CPU apart.
 */

export { DirectoryObject } from "../../../src/durable/directory/directory-object.ts";

interface ApartEnv extends TickertapeEnv {
  /** The processes that have replicas; at those, the leader's. */
  readonly [other: `OTHER_${number}`]: Service<Apart>;
  /** "leader", or which of the processes with replicas this is. */
  readonly SIDE: string;
  /** How many of those there are. */
  readonly HOSTS: string;
  /** Replicas that each feed has from the beginning. */
  readonly REPLICA_COUNT: string;
}

type Namespace = "FEEDS" | "FEED_REPLICAS" | "DIRECTORY";
type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>;

const counts = { requests: {} as Record<string, number>, alarms: 0, rowsBySql: 0, otherRows: 0, loaded: 0 };
/** Names the object that a request of the other process is for. */
const OBJECT = "x-bench-object";

export class FeedObject extends DeployedFeed<ApartEnv> {
  constructor(ctx: DurableObjectState, env: ApartEnv) {
    super(ctx, env);
    const names = Array.from({ length: Number(env.REPLICA_COUNT) }, (_, index) => `${ctx.id.name}/wnam/${index}`);
    // As if they had followed before.
    if (names.length > 0) ctx.storage.kv.put("followers", names);
    countWrites(ctx.storage);
  }

  protected override configure(env: ApartEnv): FeedObjectOptions {
    return { ...super.configure(env), replicas: far(env, "FEED_REPLICAS") as FeedObjectOptions["replicas"] };
  }

  override alarm(): void {
    counts.alarms++;
    super.alarm();
  }
}

export class ReplicaObject extends DeployedReplica<ApartEnv> {
  constructor(ctx: DurableObjectState, env: ApartEnv) {
    super(ctx, { ...env, FEEDS: far(env, "FEEDS") as ApartEnv["FEEDS"] });
    countWrites(ctx.storage);
  }

  override async alarm(): Promise<void> {
    counts.alarms++;
    await super.alarm();
  }
}

/** The same app on both sides. That of the leaders has all that come to it served by them. */
const app = createFeedApp<ApartEnv>((env) => {
  if (env.SIDE === "leader") return deploymentOf({ ...env, REPLICAS: "off" });
  const replicas = { getByName: (name: string) => env.FEED_REPLICAS.getByName(nearest(env, name)) };
  const objects = { feeds: far(env, "FEEDS"), directory: far(env, "DIRECTORY"), replicas };
  return { ...deploymentOf(env), ...(objects as Pick<ReturnType<typeof deploymentOf>, keyof typeof objects>) };
});

export default class Apart extends WorkerEntrypoint<ApartEnv> {
  override async fetch(request: Request): Promise<Response> {
    const name = request.headers.get(OBJECT);
    if (name !== null) {
      count("fetch");
      return this.env.FEEDS.getByName(name).fetch(request);
    }
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/plan")
      return Response.json(planOf(Number(searchParams.get("subscribers")), Number(searchParams.get("rate"))));
    if (pathname === "/counts") return Response.json(counts satisfies ApartCounts);
    return app.fetch(request, this.env, this.ctx);
  }

  /** Calls an object of this process for the other one. */
  async call(namespace: Namespace, name: string, method: string, args: readonly unknown[]): Promise<unknown> {
    count(method);
    return await (this.env[namespace].getByName(name) as unknown as Methods)[method]?.(...args);
  }
}

/** The plan for so many subscribers at so many updates a second, with the defaults. */
function planOf(subscribers: number, rate: number): PlanOfMany {
  const policy = replicaPolicyOf({ REPLICAS: "auto" }, DEFAULT_POLICY.flush);
  if (!policy) throw new Error("no replicas");
  const load = { onLeader: 0, rate, regions: { wnam: { subscribers, arrived: 0 } } };
  const { wnam: replicas = 0 } = nextPlan(NO_PLAN, load, policy, 0).plan;
  const each = subscribers / replicas;
  return { replicas, window: each * rate <= policy.capacity ? 0 : policy.windowOf(each) };
}

function count(method: string): void {
  counts.requests[method] = (counts.requests[method] ?? 0) + 1;
}

/** In place of a replica that is in another process, the one of this: no client is served across two of them. */
function nearest({ SIDE, HOSTS }: ApartEnv, name: string): string {
  const [feed, region, index] = name.split("/");
  return `${feed}/${region}/${Number(index) - (Number(index) % Number(HOSTS)) + Number(SIDE)}`;
}

/** A namespace of the other processes. */
function far(env: ApartEnv, namespace: Namespace): unknown {
  const get = (name: string, method: string) => {
    const other = env[`OTHER_${namespace === "FEED_REPLICAS" ? Number(name.split("/")[2]) % Number(env.HOSTS) : 0}`];
    if (method !== "fetch") return async (...args: unknown[]) => other?.call(namespace, name, method, args);
    return async (request: Request) =>
      other?.fetch(new Request(request, { headers: [...request.headers, [OBJECT, name]] }));
  };
  return { getByName: (name: string) => new Proxy({}, { get: (_, method) => get(name, String(method)) }) };
}

/** Counts what an object writes, from outside. */
function countWrites(storage: DurableObjectStorage): void {
  counts.loaded++;
  const { sql, kv } = storage;
  const query: SqlStorage["exec"] = sql.exec.bind(sql);
  sql.exec = (text, ...bindings) => {
    const cursor = query<Record<string, SqlStorageValue>>(text, ...bindings);
    // A statement that writes has run to its end by now.
    counts.rowsBySql += cursor.rowsWritten;
    return cursor as never;
  };
  const [put, remove, setAlarm] = [kv.put.bind(kv), kv.delete.bind(kv), storage.setAlarm.bind(storage)];
  kv.put = (key, value) => {
    counts.otherRows++;
    put(key, value);
  };
  kv.delete = (key) => {
    counts.otherRows++;
    return remove(key);
  };
  storage.setAlarm = (...at) => {
    counts.otherRows++;
    return setAlarm(...at);
  };
}
