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
}

/** Processes that replicas are in, at most: each has a thread, as each replica of a deployment has. */
const MOST_HOSTS = 4;

/** A feed whose leader is in one workerd and whose replicas are in others. */
export class Apart {
  readonly #lab: Lab;
  readonly #leader: Workerd;
  readonly #hosts: readonly Workerd[];

  private constructor(lab: Lab, leader: Workerd, hosts: readonly Workerd[]) {
    this.#lab = lab;
    this.#leader = leader;
    this.#hosts = hosts;
  }

  static async start(lab: Lab, { replicas, storage }: ApartOptions): Promise<Apart> {
    const build = await lab.build("apart/wrangler.toml");
    const leaderPort = await freePort();
    const ports: number[] = [];
    for (let i = 0; i < Math.min(replicas, MOST_HOSTS); i++) ports.push(await freePort());
    const settings = { PUBLISH_KEY, REPLICAS: REGION, REPLICA_COUNT: String(replicas), HOSTS: String(ports.length) };
    const leader = await lab.serve(build, storage, {
      bindings: { ...settings, SIDE: "leader" },
      port: leaderPort,
      others: ports,
    });
    const hosts: Workerd[] = [];
    for (const [i, port] of ports.entries()) {
      const bindings = { ...settings, SIDE: String(i) };
      hosts.push(await lab.serve(build, undefined, { bindings, port, others: [leaderPort] }));
    }
    return new Apart(lab, leader, hosts);
  }

  get leaderPid(): number {
    return this.#leader.process.pid ?? 0;
  }

  get replicaPids(): readonly number[] {
    return this.#hosts.map((host) => host.process.pid ?? 0);
  }

  publish(feed = APART_FEED): PublishEndpoint {
    return publishEndpoint(this.#leader.port, feed);
  }

  /** Subscribers that the leader serves. */
  direct(feed = APART_FEED): SubscribeEndpoint {
    return endpoint([this.#leader.port], feed);
  }

  /** Subscribers that replicas serve. */
  distant(feed = APART_FEED): SubscribeEndpoint {
    return endpoint(
      this.#hosts.map(({ port }) => port),
      feed,
    );
  }

  async counts(): Promise<{ leader: ApartCounts; replicas: ApartCounts }> {
    const [leader, ...hosts] = await Promise.all([this.#leader, ...this.#hosts].map(countsOf));
    return { leader: leader ?? NO_COUNTS, replicas: hosts.reduce(sum, NO_COUNTS) };
  }

  /** What the planner makes of so many subscribers at so many updates a second. */
  async planOf(subscribers: number, rate: number): Promise<PlanOfMany> {
    const response = await fetch(`${this.#leader.url}/plan?subscribers=${subscribers}&rate=${rate}`);
    return (await response.json()) as PlanOfMany;
  }

  async stop(): Promise<void> {
    const all = [this.#leader, ...this.#hosts];
    await Promise.all(all.map((workerd) => workerd.kill()));
    for (const { storage } of all) await this.#lab.discard(storage);
  }
}

/** Each has a client IP of its own: by that, the object is chosen that serves it. */
function endpoint(ports: readonly number[], feed: string): SubscribeEndpoint {
  const [port = 0] = ports;
  return { port, ports, path: `/v1/feeds/${feed}`, headers: { "CF-Connecting-IP": "client-{i}" } };
}

async function countsOf({ url }: Workerd): Promise<ApartCounts> {
  return (await (await fetch(`${url}/counts`)).json()) as ApartCounts;
}

const NO_COUNTS: ApartCounts = { requests: {}, alarms: 0, rowsBySql: 0, otherRows: 0, loaded: 0 };

function sum(a: ApartCounts, b: ApartCounts): ApartCounts {
  const requests = { ...a.requests };
  for (const [method, count] of Object.entries(b.requests)) requests[method] = (requests[method] ?? 0) + count;
  return {
    requests,
    alarms: a.alarms + b.alarms,
    rowsBySql: a.rowsBySql + b.rowsBySql,
    otherRows: a.otherRows + b.otherRows,
    loaded: a.loaded + b.loaded,
  };
}
