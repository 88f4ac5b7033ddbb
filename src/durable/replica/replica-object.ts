import { CLOSE } from "../../protocol/codes.ts";
import type { Feed } from "../../feed/state/feed.ts";
import type { Position } from "../../protocol/position.ts";
import { inTime } from "../../limits/in-time.ts";
import type { LinkReport, Push } from "../../replication/links.ts";
import type { FeedObjectEnv } from "../serving/options.ts";
import type { PublishOutcome, PublishRequest } from "../requests/publish-queue.ts";
import { ServingObject } from "../serving/serving-object.ts";
import type { Connection } from "../sockets/connection.ts";
import { CLOSED_AT_ONCE } from "../sockets/connections.ts";
import { ELSEWHERE } from "../sockets/subscribe-request.ts";
import { FollowingFeed } from "./following-feed.ts";
import { Following } from "./following.ts";
import { Leaving } from "./leaving.ts";
import { QuietAlarm } from "./quiet-alarm.ts";
import { RemotePublishes } from "./remote-publishes.ts";
import { RemoteLog } from "./remote-log.ts";
import { encodePushAnswer, release, type Leader, type LogLines, type Replica, type Standing } from "../links/rpc.ts";

/** Milliseconds to wait for the leader's word on what the replica is to it. */
const ANSWER_TIME = 5_000;
/** What the operator is told. */
const UNREACHED = "the leader cannot be reached";
/** The position of a replica that has no feed in memory. */
const NOWHERE: Position = { epoch: "", seq: 0 };

export interface ReplicaObjectEnv extends FeedObjectEnv {
  readonly FEEDS: DurableObjectNamespace<Leader & Rpc.DurableObjectBranded>;
}

/**
 * A Durable Object that follows a feed and serves its subscribers, named `feed/region/index`. It has nothing of the feed in
 * storage: what its memory has lost, it asks the leader for.
 */
export class ReplicaObject<Env extends ReplicaObjectEnv = ReplicaObjectEnv>
  extends ServingObject<Env>
  implements Replica
{
  protected override served: FollowingFeed | undefined;
  #reporting: ReturnType<typeof setTimeout> | undefined;
  /** When the next report may go out, on the steady clock. */
  #reportAt = 0;
  readonly #leaving = new Leaving();
  readonly #quiet = new QuietAlarm(
    this.ctx.storage.kv,
    this.alarmClock,
    this.options.policy.links.quiet,
    this.feedName,
  );
  readonly #remotePublishes = new RemotePublishes(() => this.#leader(), this.budget.publishes);
  readonly #following = new Following({
    limits: this.options.quotas.feed,
    served: () => this.served,
    steady: this.steady,
    follow: (position) => this.#leader().follow(this.#name, position),
    replace: (feed) => this.#replace(feed),
  });

  async deliver(push: Push): Promise<string> {
    this.onAwake();
    const isNeeded = this.#following.isAsking || this.connections.open().length > 0;
    if (this.#leaving.isDue(isNeeded, this.served !== undefined, this.steady())) {
      this.served?.end();
      this.served = undefined;
      return encodePushAnswer({ epoch: push.epoch, seq: push.seq, subscribers: 0, lagging: 0, leaves: true });
    }
    await this.#following.take(push);
    if (!this.served) throw new Error("the replica was ended meanwhile");
    return encodePushAnswer(this.describe());
  }

  forget(): void {
    this.#end(CLOSE.removed, "the feed was removed");
  }

  /** Ends what it serves, and closes all sockets. */
  #end(...close: Parameters<Connection["close"]>): void {
    this.#following.forget();
    this.served?.end();
    this.served = undefined;
    this.reads.end();
    for (const connection of this.connections.all()) connection.close(...close);
  }

  override async alarm(): Promise<void> {
    const now = Date.now();
    this.alarmClock.wentOff();
    this.connections.closeExpired(now, CLOSED_AT_ONCE);
    const hasSubscribers = this.connections.open().length > 0;
    const hasHeard = now - this.#following.heardAt < this.options.policy.links.quiet / 2;
    if (!this.#quiet.wentOff(now, hasSubscribers) || hasHeard) return;
    await this.#heed(this.#leader().standing(this.#name));
  }

  /**
   * Does what its standing with the leader asks for. The leader may have lost it without its knowing: while the two could not
   * reach each other, the feed was removed, or the leader's storage set back, or another deployment came. Its subscribers
   * would see nothing more.
   */
  async #heed(asked: Promise<Standing>): Promise<void> {
    try {
      const standing = await inTime(asked, ANSWER_TIME, () => new Error("no answer"));
      if (standing === "unknown" && this.connections.open().length > 0) await this.#following.refresh();
      else if (standing === "removed") this.forget();
      else if (standing === "dismissed") this.#end(CLOSE.restart, "come back");
    } catch (error) {
      // It goes on with what it has, and asks again later.
      this.complaints.complain(UNREACHED, error);
    }
  }

  protected override get isBehind(): boolean {
    return false;
  }

  protected override async prepareSubscriber(since: Position | undefined): Promise<void> {
    if (since) return this.#following.reach(since);
    try {
      await this.#following.refresh();
    } catch (error) {
      // What there is has to do: it follows as soon as it can.
      if (!this.served) throw error;
      this.complaints.complain(UNREACHED, error);
    }
  }

  /** An answer shows all that anyone has a receipt for, or all that the caller has seen. */
  protected override async prepareReader(since: Position | undefined): Promise<void> {
    try {
      await this.#following.refresh();
    } catch (error) {
      // Who has a position is told what there is after it.
      if (!since || !this.#following.hasReached(since)) throw error;
    }
    await this.#following.reach(since);
  }

  protected override prepareChange(): Promise<void> {
    return this.#following.reach(undefined);
  }

  protected override serve(): FollowingFeed {
    if (!this.served) throw new Error("the replica has no feed yet");
    return this.served;
  }

  protected override acceptFromSocket(request: PublishRequest, account: string): Promise<PublishOutcome> {
    return this.#remotePublishes.accept(request, account);
  }

  /** Refused here, a subscriber is served by another object: this one is not to be filled to its limit. */
  protected override redirect(): Response | undefined {
    const most = this.options.replicaPolicy?.sockets ?? Infinity;
    return this.connections.count < most ? undefined : new Response(null, { status: ELSEWHERE });
  }

  protected override onAwake(): void {
    this.alarmClock.heal();
  }

  /** Tells the leader, which plans by it: at once, and then once in a while. */
  protected override onSockets(): void {
    if (this.connections.count > 0) this.#quiet.begin(Date.now());
    if (this.#reporting !== undefined) return;
    const wait = this.#reportAt - this.steady();
    if (wait <= 0) this.#report();
    else this.#reporting = setTimeout(() => this.#report(), wait);
  }

  #report(): void {
    this.#reporting = undefined;
    this.#reportAt = this.steady() + this.options.policy.links.report;
    // If it fails, the next answer to a push says the same.
    void this.#heed(this.#leader().report(this.#name, this.describe()));
  }

  /** Without a feed in memory, it still has its sockets, and no position that it knows of. */
  describe(): LinkReport {
    if (!this.served) return { ...NOWHERE, subscribers: this.connections.open().length, lagging: 0 };
    const { feed, broadcast } = this.served;
    return { ...feed.position, subscribers: broadcast.subscribers, lagging: broadcast.lagging };
  }

  /** Serves a feed that was built anew: each socket goes on from its position. */
  #replace(feed: Feed): void {
    const before = this.served;
    before?.end();
    this.connections.closeExpired(Date.now());
    const log = new RemoteLog(feed.seq, (after) => this.#readLog(feed.epoch, after), this.steady);
    const { flush } = this.options.policy;
    const served = new FollowingFeed(feed, log, flush, this.steady, this.budget);
    this.served = served;
    for (const connection of this.connections.open()) connection.takeOver(served);
    served.flush();
  }

  async #readLog(epoch: string, after: number): Promise<LogLines | undefined> {
    const piece = await this.#leader().readLog(epoch, after, this.#name);
    release(piece);
    // The feed may have been reset: then it is replaced, and whoever asked hears of that instead.
    if (!piece) await this.#following.refresh().catch(() => {});
    return piece;
  }

  get #name(): string {
    return this.ctx.id.name ?? "";
  }

  #leader(): DurableObjectStub<Leader> {
    return this.env.FEEDS.getByName(this.feedName);
  }
}
