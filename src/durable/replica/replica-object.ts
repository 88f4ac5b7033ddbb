import { CLOSE } from "../../protocol/codes.ts";
import type { Feed } from "../../feed/state/feed.ts";
import { readOwnJson } from "../../protocol/json.ts";
import type { Position } from "../../protocol/position.ts";
import type { Receipt } from "../../protocol/server-messages.ts";
import type { LinkReport, Push } from "../../replication/links.ts";
import type { FeedObjectEnv } from "../serving/options.ts";
import type { PublishOutcome, PublishRequest } from "../requests/publish-queue.ts";
import type { ReadOutcome, ReadRequest } from "../requests/reads.ts";
import { ServingObject } from "../serving/serving-object.ts";
import { ELSEWHERE } from "../sockets/subscribe-request.ts";
import { FollowingFeed } from "./following-feed.ts";
import { Following } from "./following.ts";
import { RemoteLog } from "./remote-log.ts";
import type { Leader, PushAnswer, Replica } from "../links/rpc.ts";

/** Milliseconds without a subscriber after which a replica stops following. */
const LEAVE_AFTER = 60_000;
/** Milliseconds for which changes of what it serves are gathered. */
const REPORT_AFTER = 1_000;

export interface ReplicaObjectEnv extends FeedObjectEnv {
  readonly FEEDS: DurableObjectNamespace<Leader & Rpc.DurableObjectBranded>;
}

/**
 * A Durable Object that follows a feed and serves its subscribers, named `feed/region/index`. It has nothing in storage: what
 * its memory has lost, it asks the leader for.
 */
export class ReplicaObject<Env extends ReplicaObjectEnv = ReplicaObjectEnv>
  extends ServingObject<Env>
  implements Replica
{
  #served: FollowingFeed | undefined;
  /** Since when it has had no subscriber, on the steady clock; undefined while it has some. */
  #emptySince: number | undefined;
  #reporting: ReturnType<typeof setTimeout> | undefined;
  readonly #following = new Following({
    limits: this.options.quotas.feed,
    served: () => this.#served,
    follow: (position) => this.#leader().follow(this.#name, position),
    replace: (feed) => this.#replace(feed),
  });

  async deliver(push: Push): Promise<PushAnswer> {
    this.onAwake();
    if (this.#mayLeave()) {
      this.#served?.end();
      this.#served = undefined;
      return { epoch: push.epoch, seq: push.seq, subscribers: 0, lagging: 0, leaves: true };
    }
    await this.#following.take(push);
    const report = this.describe();
    if (!report) throw new Error("the replica was ended meanwhile");
    return report;
  }

  forget(): void {
    this.#served?.end();
    this.#served = undefined;
    this.reads.end();
    for (const connection of this.connections.all()) connection.close(CLOSE.removed, "the feed was removed");
  }

  override alarm(): void {
    this.alarmClock.wentOff();
    this.connections.closeExpired(Date.now());
  }

  protected override get isBehind(): boolean {
    return false;
  }

  protected override prepare(since: Position | undefined): Promise<void> {
    return this.#following.reach(since);
  }

  override async read(request: ReadRequest): Promise<ReadOutcome | undefined> {
    // Without a position to go by, the answer has to show all that anyone has a receipt for.
    if (!request.since) await this.#following.refresh();
    return super.read(request);
  }

  protected override serve(): FollowingFeed {
    if (!this.#served) throw new Error("the replica has no feed yet");
    return this.#served;
  }

  /** Publishes at the leader: under the same account, with its limits. */
  protected override async acceptFromSocket({ updates }: PublishRequest, account: string): Promise<PublishOutcome> {
    const outcome = await this.#leader().acceptBatch(updates.join("\n"), account);
    if (typeof outcome !== "string") return outcome;
    return { ok: true, receipt: readOwnJson<Receipt>(outcome), replayed: false };
  }

  /** Refused here, a subscriber is served by another object: this one is not to be filled to its limit. */
  protected override redirect(): Response | undefined {
    const most = this.options.replicaPolicy?.sockets ?? Infinity;
    return this.connections.count < most ? undefined : new Response(null, { status: ELSEWHERE });
  }

  protected override onAwake(): void {
    this.alarmClock.heal();
  }

  /** Tells the leader, once in a while: it plans by it. */
  protected override onSockets(): void {
    if (this.#reporting !== undefined) return;
    this.#reporting = setTimeout(() => {
      this.#reporting = undefined;
      const report = this.describe();
      if (report) void this.#leader().report(this.#name, report);
    }, REPORT_AFTER);
  }

  describe(): LinkReport | undefined {
    if (!this.#served) return undefined;
    const { feed, broadcast } = this.#served;
    return { ...feed.position, subscribers: broadcast.subscribers, lagging: broadcast.lagging };
  }

  /** Serves a feed that was built anew: each socket goes on from its position. */
  #replace(feed: Feed): void {
    const before = this.#served;
    before?.end();
    this.connections.closeExpired(Date.now());
    const log = new RemoteLog(feed.seq, (after) => this.#leader().readLog(feed.epoch, after), this.steady);
    const { flush } = this.options.policy;
    const served = new FollowingFeed(feed, log, flush, this.steady, this.budget);
    this.#served = served;
    for (const connection of this.connections.open()) connection.takeOver(served);
    served.flush();
  }

  #mayLeave(): boolean {
    const now = this.steady();
    if (this.#following.isAsking || this.connections.open().length > 0) this.#emptySince = undefined;
    else this.#emptySince ??= now;
    return this.#emptySince !== undefined && now - this.#emptySince >= LEAVE_AFTER;
  }

  get #name(): string {
    return this.ctx.id.name ?? "";
  }

  #leader(): DurableObjectStub<Leader> {
    return this.env.FEEDS.getByName(this.feedName);
  }
}
