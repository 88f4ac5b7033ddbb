import { encodeReceipt } from "../protocol/answers.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Feed } from "../feed/state/feed.ts";
import type { LogRecord } from "../feed/state/record.ts";
import type { Position } from "../protocol/position.ts";
import { ExpiryAlarm } from "./serving/alarms.ts";
import { Listing } from "./directory/listing.ts";
import { NOT_LISTED, type FeedStats, type Listed, type SurveyedFeed } from "./directory/rpc.ts";
import { FeedLoader } from "./feed-loader.ts";
import { statsOf } from "./feed-stats.ts";
import type { FeedObjectEnv } from "./serving/options.ts";
import type { LiveFeed } from "./live-feed.ts";
import { encodePlan } from "../placement/plan-text.ts";
import { Planner } from "../placement/planner.ts";
import { logReader } from "./requests/log-reader.ts";
import type { PublishOutcome, PublishRequest } from "./requests/publish-queue.ts";
import type { ReadOutcome, ReadRequest } from "./requests/reads.ts";
import { CLOSED_AT_ONCE } from "./sockets/connections.ts";
import { ELSEWHERE, PLAN_HEADER, type SubscribeRequest } from "./sockets/subscribe-request.ts";
import type { LinkReport, LinkState } from "../replication/links.ts";
import { FeedLinks } from "./links/feed-links.ts";
import type { FollowAnswer, LogLines, Replica, Standing } from "./links/rpc.ts";
import { ServingObject } from "./serving/serving-object.ts";
import type { HistoryPage } from "./storage/stored-log.ts";
import { newEpoch } from "./storage/state-row.ts";

/**
 * The Durable Object of one feed, named after it. It orders and keeps the feed's updates, holds its sockets and serves its
 * state. This class only accepts calls and sockets, attaches them to each other and delegates; `LiveFeed` has the way of an
 * update from there on.
 */
export class FeedObject<Env extends FeedObjectEnv = FeedObjectEnv> extends ServingObject<Env> implements SurveyedFeed {
  readonly #expiryAlarm = new ExpiryAlarm(this.ctx.storage.kv, this.alarmClock, () => this.#loader.exists);
  readonly #loader: FeedLoader;
  readonly #listing: Listing;
  readonly #planner = this.options.replicaPolicy && new Planner(this.options.replicaPolicy);
  readonly #links = new FeedLinks(
    {
      stored: this.ctx.storage.kv,
      committed: () => this.#loader.committed(),
      store: () => this.#loader.store,
      replica: (name) => this.#replica(name),
      steady: this.steady,
      hasReplicas: this.options.replicas !== undefined,
      complain: (what, error) => this.complaints.complain(what, error),
      wakeBy: (at) => this.alarmClock.wakeBy(at),
      reported: (name, subscribers) => this.#noteReplica(name, subscribers),
    },
    this.options.policy.links,
  );

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { directory, quotas } = this.options;
    const platform = {
      now: () => Date.now(),
      steady: this.steady,
      wakeBy: (at: number) => this.#expiryAlarm.wakeBy(at),
      opened: (feed: Feed) => {
        this.#planner?.resume(this.#links.names);
        this.#links.open(feed);
      },
      committed: (records: readonly LogRecord[]) => {
        this.#planner?.changed(this.steady());
        this.#links.committed(this.#loader.open().feed, records);
      },
      abandon: (reason: string) => ctx.abort(reason),
      vet: this.options.vet,
    };
    this.#loader = new FeedLoader(ctx.storage, this.connections, platform, this.options, this.budget);
    this.#listing = new Listing(directory, quotas.feeds);
  }

  /**
   * Accepts a batch that came by POST: one update a line. Returns the receipt as JSON, or an outcome if there is more to
   * say. Text both ways: handing objects from one isolate to the other costs more than all else that a short batch takes.
   */
  async acceptBatch(
    batch: string,
    account: string,
    idempotency?: PublishRequest["idempotency"],
    subject?: string,
  ): Promise<string | PublishOutcome> {
    this.served?.keepTime();
    const updates = batch.split("\n");
    const accept = (): Promise<PublishOutcome> => this.listAndAccept({ updates, idempotency, subject }, account);
    const outcome = await this.publishes.run(account, updates, accept);
    return outcome.ok && !outcome.replayed ? encodeReceipt(this.feedName, outcome.receipt) : outcome;
  }

  /** Accepts a batch whose turn has come. Lists the feed in the directory before it is first written to. */
  protected async listAndAccept(request: PublishRequest, account: string): Promise<PublishOutcome> {
    this.onAwake();
    // One that publishes little beside others that publish very much does not wait until theirs are gathered.
    const isUrgent = this.publishes.turns.isOvertaking(account);
    try {
      this.#loader.open();
      if (!this.#loader.exists) {
        const listed = await this.#list(account);
        if (listed !== "listed") return { ok: false, code: "feed_full", detail: NOT_LISTED[listed] };
      }
    } catch (error) {
      // The caller must know that nothing was changed, and the operator why.
      // oxlint-disable-next-line no-console
      console.error("tickertape: a feed takes no updates", error);
      return { ok: false, code: "overloaded", detail: "The feed cannot be written to now.", retryAfter: 5 };
    }
    // Begun before the commit, so that it takes no time of its own; and looked at after it, as the directory may have asked
    // in between.
    this.#tellDirectory();
    const outcome = await this.#loader.open().accept(request, isUrgent);
    const telling = outcome.ok && this.#listing.change(this.feedName);
    if (telling) await telling;
    return outcome;
  }

  /** A page of a key's history; undefined if too many reads wait for their turn. */
  async readHistory(
    key: string,
    limit: number,
    before: number | undefined,
    account: string,
  ): Promise<(HistoryPage & { epoch: string }) | undefined> {
    this.served?.keepTime();
    const live = this.#loader.committed();
    const { feed } = live;
    const steps = this.#loader.store.history(key, limit, before ?? feed.seq + 1, () => this.budget.history.room);
    const page = await this.reads.history(live, account, steps);
    return page && { epoch: feed.epoch, ...page };
  }

  /** What a replica lacks that is at `position`, or has nothing. From now on it gets all that is committed. */
  follow(replica: string, position: Position | undefined): FollowAnswer {
    return this.#links.follow(replica, position);
  }

  /** A piece of the log after a seq, for a replica. Replicas take turns: readers of many may ask for very much at once. */
  readLog(epoch: string, after: number, replica = ""): Promise<LogLines | undefined> {
    const { broadcast } = this.#loader.open();
    return new Promise((found, failed) => {
      broadcast.search(logReader(replica, () => this.#links.readLog(epoch, after), found, failed));
    });
  }

  /** What a replica serves has changed. */
  report(replica: string, report: LinkReport): Standing {
    this.#links.report(replica, report);
    return this.standing(replica);
  }

  /** What a replica is to this object. Does not open the feed. */
  standing(replica: string): Standing {
    if (!this.options.replicas) return "dismissed";
    if (this.#links.names.includes(replica)) return "follows";
    return this.#loader.exists ? "unknown" : "removed";
  }

  async stats(): Promise<FeedStats> {
    await this.#loader.open().findUnfit();
    return this.#stats(await this.#links.survey());
  }

  statsForDirectory(): FeedStats {
    this.#listing.asked();
    return this.#stats(this.#links.states());
  }

  #stats(links: readonly LinkState[]): FeedStats {
    const { exists } = this.#loader;
    return statsOf(this.feedName, this.#loader.committed(), links, this.steady(), {
      exists,
      storage: exists ? this.ctx.storage.sql.databaseSize : 0,
      started: this.started,
    });
  }

  /**
   * Removes every entry and begins a new epoch. Returns undefined if there are as many feeds as there may be. `admin`: the
   * id of the credential.
   */
  async reset(admin: string): Promise<Position | undefined> {
    this.#loader.open();
    if ((await this.#list(admin)) !== "listed") return undefined;
    const live = this.#loader.open();
    live.reset(newEpoch());
    const { position } = live.feed;
    await this.#listing.change(this.feedName);
    return position;
  }

  /** Removes the feed, its name and its sockets. Does not open the feed: one that cannot be opened can be removed. */
  async forget(): Promise<void> {
    // Nothing else is served meanwhile. A failure is thrown to the caller: thrown in here, it would end the object.
    const failure = await this.ctx.blockConcurrencyWhile(async () => {
      try {
        await this.#remove();
        return undefined;
      } catch (error) {
        return { error };
      }
    });
    if (failure) throw failure.error;
  }

  async #remove(): Promise<void> {
    await this.#links.forget();
    this.#loader.end();
    this.reads.end();
    for (const connection of this.connections.all()) connection.close(CLOSE.removed, "the feed was removed");
    await this.ctx.storage.deleteAlarm();
    this.alarmClock.wentOff();
    await this.#loader.deleteAll();
    this.#expiryAlarm.forget();
    // Last: if the name went first, a failure would leave a feed that is not in the list.
    await this.#listing.remove(this.feedName);
  }

  override alarm(): void {
    this.alarmClock.wentOff();
    // First: sockets are closed in time even if the feed cannot be opened.
    this.connections.closeExpired(Date.now(), CLOSED_AT_ONCE);
    if (this.#expiryAlarm.isDue(Date.now())) {
      this.#expiryAlarm.wentOff();
      this.#loader.open().onAlarm();
    } else this.#expiryAlarm.heal();
    this.#links.onAlarm(Date.now());
    this.#tellDirectory();
  }

  /** Sets the alarm again if the platform has lost it. */
  protected override onAwake(): void {
    this.alarmClock.heal();
    this.#expiryAlarm.heal();
  }

  protected override onSockets(): void {
    this.#tellDirectory();
  }

  protected override get isBehind(): boolean {
    return this.#loader.store.isBehind;
  }

  protected override get served(): LiveFeed | undefined {
    return this.#loader.inMemory;
  }

  protected override prepareSubscriber(): undefined {
    return undefined;
  }

  protected override prepareReader(): undefined {
    return undefined;
  }

  protected override prepareChange(): undefined {
    return undefined;
  }

  protected override serve(): LiveFeed {
    return this.#loader.committed();
  }

  override async fetch(request: Request): Promise<Response> {
    const response = await super.fetch(request);
    const plan = this.#plan();
    if (plan !== "") response.headers.set(PLAN_HEADER, plan);
    return response;
  }

  override async read(request: ReadRequest): Promise<ReadOutcome | undefined> {
    const outcome = await super.read(request);
    const plan = this.#plan();
    return outcome && plan !== "" ? { ...outcome, plan } : outcome;
  }

  protected override redirect({ region, isLast, caller }: SubscribeRequest): Response | undefined {
    // A client that has all the places it may have needs no replica, however often it tries.
    if (region && this.connections.refusal(caller) !== "rate_limited") this.#planner?.arrived(region, this.steady());
    return isLast || this.#plan() === "" ? undefined : new Response(null, { status: ELSEWHERE });
  }

  /** Which replicas there are, as a header has it; empty if none. */
  #plan(): string {
    if (!this.#planner) return "";
    return encodePlan(this.#planner.plan(this.connections.subscribers, this.steady()));
  }

  protected override acceptFromSocket(request: PublishRequest, account: string): Promise<PublishOutcome> {
    return this.listAndAccept(request, account);
  }

  /** `subscribers` is undefined if the replica has left. */
  #noteReplica(name: string, subscribers: number | undefined): void {
    if (subscribers === undefined) this.#planner?.left(name);
    else this.#planner?.reported(name, subscribers, this.steady());
    this.#tellDirectory();
  }

  #replica(name: string): DurableObjectStub<Replica> {
    const { replicas } = this.options;
    if (!replicas) throw new Error("this deployment has no replicas");
    return replicas.getByName(name);
  }

  /** Tells the directory that the feed's stats change. Not awaited. */
  #tellDirectory(): void {
    if (this.#loader.exists) void this.#listing.change(this.feedName);
  }

  /** Lists the feed if it does not exist yet. `maker`: the id of the credential that makes it. */
  async #list(maker: string): Promise<Listed> {
    return this.#loader.exists ? "listed" : this.#listing.add(this.feedName, maker);
  }
}
