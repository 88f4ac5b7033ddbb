import { encodePushAnswer, type FollowAnswer } from "../../src/durable/links/rpc.ts";
import { FollowingFeed } from "../../src/durable/replica/following-feed.ts";
import { Following } from "../../src/durable/replica/following.ts";
import { Leaving } from "../../src/durable/replica/leaving.ts";
import { RemoteLog } from "../../src/durable/replica/remote-log.ts";
import { DEFAULT_POLICY } from "../../src/durable/serving/policy.ts";
import { Budget } from "../../src/feed/fanout/budget.ts";
import type { Feed } from "../../src/feed/state/feed.ts";
import type { Answer } from "../../src/http/plans.ts";
import { Places } from "../../src/limits/places.ts";
import { steadyClock } from "../../src/limits/steady-clock.ts";
import type { Region } from "../../src/placement/regions.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import type { Position } from "../../src/protocol/position.ts";
import type { LinkReport, Push } from "../../src/replication/links.ts";
import { EVERYTHING, type Joined } from "./leader.ts";
import { Deliveries, WORK, type Records } from "./records.ts";
import { Thread, type SimulatedTime } from "./time.ts";
import type { Server, Watcher } from "./watcher.ts";

/** What a replica asks of its leader here. */
export interface CallsToLeader {
  follow(position: Position | undefined): Promise<FollowAnswer>;
  report(report: LinkReport): Promise<void>;
}

/** What `ReplicaObject` does, without platform and sockets: the real following, feed and fan-out, and the calls in between. */
export class SimulatedReplica implements Server {
  readonly thread = new Thread();
  readonly region: Region;
  readonly deliveries: Deliveries;
  readonly watchers = new Set<Watcher>();
  readonly #time: SimulatedTime;
  readonly #most: number;
  readonly #places: Places;
  readonly #leader: CallsToLeader;
  readonly #steady = steadyClock();
  readonly #budget = new Budget();
  readonly #following: Following;
  #served: FollowingFeed | undefined;
  readonly #leaving = new Leaving();
  #isReporting = false;
  #reportAt = 0;

  /** `most`: subscribers after which it sends others elsewhere. */
  constructor(
    time: SimulatedTime,
    records: Records,
    region: Region,
    { most, sockets }: { most: number; sockets: number },
    leader: CallsToLeader,
  ) {
    this.region = region;
    this.deliveries = new Deliveries(time, records, region, this.thread);
    this.#time = time;
    this.#most = most;
    this.#places = new Places(sockets, sockets);
    this.#leader = leader;
    this.#following = new Following({
      limits: FEED_LIMITS,
      steady: this.#steady,
      served: () => this.#served,
      follow: (position) => leader.follow(position),
      replace: (feed) => this.#replace(feed),
    });
  }

  get feed(): Feed | undefined {
    return this.#served?.feed;
  }

  async deliver(push: Push): Promise<string> {
    this.#time.work(WORK.call);
    const isNeeded = this.#following.isAsking || this.watchers.size > 0;
    if (this.#leaving.isDue(isNeeded, this.#served !== undefined, this.#steady())) {
      this.#served?.end();
      this.#served = undefined;
      return encodePushAnswer({ epoch: push.epoch, seq: push.seq, subscribers: 0, lagging: 0, leaves: true });
    }
    await this.#following.take(push);
    return encodePushAnswer(this.#describe());
  }

  async subscribe(watcher: Watcher): Promise<Answer<Joined>> {
    const caller = { clientIp: watcher.account, kind: "anonymous", credential: undefined } as const;
    await this.#following.reach(undefined);
    this.#time.work(this.watchers.size < this.#most ? WORK.subscribe : WORK.redirect);
    if (this.watchers.size >= this.#most || this.#places.refusal(caller) || !this.#served) return { served: undefined };
    this.#places.take(caller);
    this.watchers.add(watcher);
    watcher.server = this;
    watcher.subscriber = this.#served.broadcast.subscribe(watcher, EVERYTHING, undefined);
    this.#onSockets();
    return { served: "joined" };
  }

  leave(watcher: Watcher): void {
    this.#places.leave({ clientIp: watcher.account, kind: "anonymous", credential: undefined });
    this.watchers.delete(watcher);
    if (watcher.subscriber) this.#served?.broadcast.unsubscribe(watcher.subscriber);
    this.#onSockets();
  }

  #describe(): LinkReport {
    if (!this.#served) return { epoch: "", seq: 0, subscribers: this.watchers.size, lagging: 0 };
    const { feed, broadcast } = this.#served;
    return { ...feed.position, subscribers: broadcast.subscribers, lagging: broadcast.lagging };
  }

  #onSockets(): void {
    if (this.#isReporting) return;
    this.#isReporting = true;
    setTimeout(() => this.#report(), Math.max(0, this.#reportAt - this.#steady()));
  }

  #report(): void {
    this.#isReporting = false;
    this.#reportAt = this.#steady() + DEFAULT_POLICY.links.report;
    void this.#leader.report(this.#describe()).catch(() => {});
  }

  #replace(feed: Feed): void {
    this.#served?.end();
    const log = new RemoteLog(feed.seq, () => Promise.resolve(undefined), this.#steady);
    const served = new FollowingFeed(feed, log, DEFAULT_POLICY.flush, this.#steady, this.#budget);
    this.#served = served;
    for (const watcher of this.watchers)
      if (watcher.subscriber) watcher.subscriber = served.broadcast.takeOver(watcher.subscriber);
    served.flush();
  }
}
