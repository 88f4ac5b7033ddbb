import { freePort, type Workerd } from "../../e2e/support/workerd.ts";
import type { ApartCounts, PlanOfMany } from "../apart/counts.ts";
import { PUBLISH_KEY, type Lab } from "../lab.ts";
import type { PublishEndpoint } from "../load/publish-connection.ts";
import type { SubscribeEndpoint } from "../load/raw-subscriber.ts";
import { publishEndpoint } from "./tickertape.ts";

export const APART_FEED = "bench";
/** Where all replicas are said to be. */
const REGION = "wnam";

export interface ApartOptions {
  readonly replicas: number;
  /** The leader's storage; new storage if not given. */
  readonly storage?: string;
  readonly inspectorPort?: number;
}

/** A feed whose leader is in one workerd and whose replicas are in another. */
export class Apart {
  readonly #lab: Lab;
  readonly #leader: Workerd;
  readonly #replicas: Workerd;

  private constructor(lab: Lab, leader: Workerd, replicas: Workerd) {
    this.#lab = lab;
    this.#leader = leader;
    this.#replicas = replicas;
  }

  static async start(lab: Lab, { replicas, storage, inspectorPort }: ApartOptions): Promise<Apart> {
    const build = await lab.build("apart/wrangler.toml");
    const [leaderPort, replicaPort] = [await freePort(), await freePort()];
    const bindings = { PUBLISH_KEY, REPLICAS: REGION, REPLICA_COUNT: String(replicas) };
    const leader = await lab.serve(build, storage, {
      bindings: { ...bindings, SIDE: "leader" },
      port: leaderPort,
      other: replicaPort,
      ...(inspectorPort === undefined ? {} : { inspectorPort }),
    });
    const other = { bindings: { ...bindings, SIDE: "replicas" }, port: replicaPort, other: leaderPort };
    return new Apart(lab, leader, await lab.serve(build, undefined, other));
  }

  get leaderPid(): number {
    return this.#leader.process.pid ?? 0;
  }

  get replicaPid(): number {
    return this.#replicas.process.pid ?? 0;
  }

  get leaderPort(): number {
    return this.#leader.port;
  }

  publish(feed = APART_FEED): PublishEndpoint {
    return publishEndpoint(this.#leader.port, feed);
  }

  /** Subscribers that the leader serves. */
  direct(feed = APART_FEED): SubscribeEndpoint {
    return endpoint(this.#leader.port, feed);
  }

  /** Subscribers that replicas serve. */
  distant(feed = APART_FEED): SubscribeEndpoint {
    return endpoint(this.#replicas.port, feed);
  }

  async counts(): Promise<{ leader: ApartCounts; replicas: ApartCounts }> {
    const [leader, replicas] = await Promise.all([countsOf(this.#leader), countsOf(this.#replicas)]);
    return { leader, replicas };
  }

  /** What the planner makes of so many subscribers at so many updates a second. */
  async planOf(subscribers: number, rate: number): Promise<PlanOfMany> {
    const response = await fetch(`${this.#leader.url}/plan?subscribers=${subscribers}&rate=${rate}`);
    return (await response.json()) as PlanOfMany;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#leader.kill(), this.#replicas.kill()]);
    for (const { storage } of [this.#leader, this.#replicas]) await this.#lab.discard(storage);
  }
}

/** Each has a client IP of its own: by that, the object is chosen that serves it. */
function endpoint(port: number, feed: string): SubscribeEndpoint {
  return { port, path: `/v1/feeds/${feed}`, headers: { "CF-Connecting-IP": "client-{i}" } };
}

async function countsOf({ url }: Workerd): Promise<ApartCounts> {
  return (await (await fetch(`${url}/counts`)).json()) as ApartCounts;
}
