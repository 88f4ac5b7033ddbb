import { DurableObject } from "cloudflare:workers";
import type { Access } from "../access/access.ts";
import { accessBy, type AccessSettings } from "../access/credentials.ts";
import { FairQueue } from "../limits/fair-queue.ts";
import { accountOf } from "../limits/places.ts";
import { PUBLISH_WEIGHT, quotasOf, type NoRoom, type Quotas, type QuotaSettings } from "../limits/quotas.ts";
import { TokenBuckets } from "../limits/token-bucket.ts";
import { Budget } from "../feed/fanout/budget.ts";
import { CLOSE, PROBLEMS } from "../protocol/codes.ts";
import { isAscii } from "../protocol/json-scan.ts";
import { encodeHello } from "../protocol/server-messages.ts";
import { encodeReceipt } from "../protocol/answers.ts";
import { pack } from "../protocol/msgpack-frames.ts";
import { MSGPACK_PROTOCOL } from "../protocol/names.ts";
import type { Position } from "../protocol/position.ts";
import { Alarm } from "./alarms.ts";
import { SteadyClock } from "./steady-clock.ts";
import { ExpiryAlarm } from "./alarms.ts";
import { NOWHERE } from "./sockets/connection.ts";
import { Connections } from "./sockets/connections.ts";
import { SocketMessages } from "./sockets/socket-messages.ts";
import type { DirectoryObject, Listed } from "./directory/directory-object.ts";
import { FeedStore, type HistoryPage } from "./storage/feed-store.ts";
import { Listing, NOT_LISTED } from "./directory/listing.ts";
import { LiveFeed, type FeedPace, type PublishOutcome, type PublishRequest } from "./live-feed.ts";
import { DEFAULT_PACE, INTAKE } from "./defaults.ts";
import { newEpoch } from "./storage/state-row.ts";
import type { FeedStats, ReadOutcome, ReadRequest } from "./reads.ts";
import { readSubscribeUpgrade } from "./sockets/subscribe-request.ts";

/** What a feed's object needs to know. A Worker with other names or rules overrides `FeedObject.configure`. */
/** What is said to those whose socket is not taken. */
const NO_PLACE = {
  rate_limited: "The feed has as many subscribers of this caller's as it takes.",
  overloaded: "The feed has as many subscribers as it takes.",
};
const TIRED = "Too many messages came over the other sockets of this address or credential.";
const CROWDED = {
  rate_limited:
    "Your subscribers select as many keys and prefixes as they may. Select fewer, or what others select too.",
  overloaded:
    "The feed's subscribers select as many keys and prefixes as it looks for. Select fewer, or what others do.",
};

export interface FeedObjectOptions {
  /** Who may do what, for credentials that come over a socket. */
  readonly access: Access;
  /** Where feeds are listed; none given means that they are not. */
  readonly directory: DurableObjectStub<DirectoryObject> | undefined;
  readonly pace: FeedPace;
  readonly quotas: Quotas;
}

/** Milliseconds, longer each time, after which it is looked again whether storage has caught up, and how often. */
const LOOK_AGAIN = 2;
const MOST_LOOKS = 20;

/** Bindings and secrets that the object reads unless `configure` is overridden. */
export interface FeedObjectEnv extends AccessSettings, QuotaSettings {
  readonly DIRECTORY?: DurableObjectNamespace<DirectoryObject>;
}

/**
 * The Durable Object of one feed, named after it: orders and keeps its updates, holds its sockets, serves its state.
 * Only accepts, attaches and delegates.
 */
export class FeedObject<Env extends FeedObjectEnv = FeedObjectEnv> extends DurableObject<Env> {
  readonly #options: FeedObjectOptions;
  #store: FeedStore;
  readonly #publishers: TokenBuckets;
  readonly #listing: Listing;
  readonly #connections: Connections;
  readonly #conversations: SocketMessages;
  readonly #alarm = new Alarm(this.ctx.storage, () => Date.now());
  #expiryAlarm = this.#newExpiryAlarm();
  readonly #clock = new SteadyClock(() => Date.now());
  readonly #budget = new Budget();
  readonly #queue = new FairQueue(
    INTAKE,
    (milliseconds) => this.#pause(milliseconds),
    () => this.#clock.now(),
    this.#budget.publishes,
  );
  readonly #started = Date.now();
  #live: LiveFeed | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#options = this.configure(env);
    this.#store = new FeedStore(ctx.storage.sql, this.#options.quotas.feed);
    this.#publishers = new TokenBuckets(this.#options.quotas.publish);
    this.#listing = new Listing(this.#options.directory, this.#options.quotas.feeds);
    this.#connections = new Connections(() => ctx.getWebSockets(), this.#options.quotas);
    this.#conversations = new SocketMessages({
      feed: ctx.id.name ?? "",
      access: this.#options.access,
      quotas: this.#options.quotas,
      queue: this.#queue,
      now: () => this.#clock.now(),
      allow: (publisher, length) => this.#allow(publisher, length),
      publish: (request, publisher) => this.take(request, publisher),
      subscribe: (connection, subscription, id) => {
        this.#settled();
        connection.resubscribe(subscription, id);
      },
      grant: (connection, { kind, id, expires }, publishes) => {
        const { clientIp } = connection.caller;
        this.#connections.grant(
          connection,
          { clientIp, kind, credential: kind === "anonymous" ? undefined : id },
          publishes,
          expires,
        );
        if (expires !== undefined) this.#alarm.wakeBy(expires);
      },
    });
    // Answered by the platform, without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Called once, by the constructor. */
  protected configure(env: Env): FeedObjectOptions {
    return {
      access: accessBy(env),
      directory: env.DIRECTORY?.getByName("feeds"),
      pace: DEFAULT_PACE,
      quotas: quotasOf(env),
    };
  }

  /** Takes a WebSocket that the HTTP side has checked. */
  override fetch(request: Request): Response {
    const asked = readSubscribeUpgrade(request);
    if (!asked) return new Response(null, { status: 404 });
    this.#heal();
    const refusal = this.#connections.refusal(asked.caller);
    if (refusal) return refused(refusal, NO_PLACE[refusal]);
    const { kind } = asked.caller;
    const owner = accountOf(asked.caller) ?? "";
    if (owner !== "" && this.#conversations.isTired(owner)) return refused("rate_limited", TIRED);
    const live = this.#settled();
    const crowded = live.broadcast.refusal({ account: owner, kind }, asked.subscription);
    if (crowded) return refused(crowded, CROWDED[crowded]);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const packed = asked.protocol === MSGPACK_PROTOCOL;
    const hello = encodeHello(this.#name, live.feed);
    server.send(packed ? pack(hello) : hello);
    this.#connections
      .open(server, { ...asked, packed, told: { epoch: live.feed.epoch, seq: NOWHERE } })
      .begin(live, asked.since);
    if (asked.expires !== undefined) this.#alarm.wakeBy(asked.expires);
    this.#changed();
    const headers = asked.protocol === undefined ? {} : { "Sec-WebSocket-Protocol": asked.protocol };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /**
   * `publish` for the HTTP side: a batch with a line an update, and the receipt as JSON unless there is more to say.
   * Handing objects from one isolate to the other costs more than all else that is done for a short publish.
   */
  async post(
    batch: string,
    publisher: string,
    idempotency?: PublishRequest["idempotency"],
  ): Promise<string | PublishOutcome> {
    const outcome = await this.publish({ updates: batch.split("\n"), idempotency }, publisher);
    return outcome.ok && !outcome.replayed ? encodeReceipt(this.#name, outcome.receipt) : outcome;
  }

  /** `publisher`: who it is, as limits of rate are counted. */
  async publish(request: PublishRequest, publisher: string): Promise<PublishOutcome> {
    let length = 0;
    for (const update of request.updates) length += update.length;
    const refused = this.#allow(publisher, length);
    if (refused) return refused;
    // They may be parts of one text, that is kept as a whole.
    const size = request.updates.every(isAscii) ? length : 2 * length;
    const publishing = this.#queue.run(publisher, size, () => this.take(request, publisher));
    if (typeof publishing !== "string") return (await publishing).done;
    const detail = "Too much is waiting to be published.";
    return { ok: false, code: publishing, detail, retryAfter: 1 };
  }

  /** Between two turns of those who publish much: what has come in meanwhile is served, and storage catches up. */
  async #pause(milliseconds: number): Promise<void> {
    let looks = 0;
    do await new Promise((resolve) => setTimeout(resolve, looks === 0 ? milliseconds : looks * LOOK_AGAIN));
    while (this.#live?.isBehind === true && looks++ < MOST_LOOKS);
  }

  /** Takes what a publish costs from what its publisher may; nothing where it may not. */
  #allow(publisher: string, length: number): PublishOutcome | undefined {
    const wait = this.#publishers.take(publisher, this.#clock.now(), 1 + length / PUBLISH_WEIGHT);
    if (wait === 0) return undefined;
    const detail = "This credential publishes more than it may.";
    return { ok: false, code: "rate_limited", detail, retryAfter: Math.ceil(wait / 1000) };
  }

  /** Takes a publish whose turn has come. */
  protected async take(request: PublishRequest, publisher: string): Promise<PublishOutcome> {
    this.#heal();
    try {
      this.#open();
      const listed = await this.#list(publisher);
      if (listed !== "listed") return { ok: false, code: "feed_full", detail: NOT_LISTED[listed] };
    } catch (error) {
      // The caller must know that nothing was changed, and the operator why.
      // oxlint-disable-next-line no-console
      console.error("tickertape: a feed takes no updates", error);
      return { ok: false, code: "overloaded", detail: "The feed cannot be written to now.", retryAfter: 5 };
    }
    // Begun before, so that it takes no time of its own, and looked at after: the directory may have asked in between.
    if (this.#store.exists) void this.#listing.change(this.#name);
    const outcome = await this.#open().publish(request);
    if (outcome.ok) await this.#listing.change(this.#name);
    return outcome;
  }

  /** The entries of a selection, or what changed in it; nothing where too much is read already. */
  read(request: ReadRequest): Promise<ReadOutcome | undefined> {
    return this.#settled().read(this.#name, request);
  }

  /** Nothing where too many wait for an answer. `owner`: on whose account the work is done. */
  async history(
    key: string,
    limit: number,
    before: number | undefined,
    owner: string,
  ): Promise<(HistoryPage & { epoch: string }) | undefined> {
    const live = this.#settled();
    const page = await live.history(owner, key, limit, before ?? live.feed.seq + 1);
    return page && { epoch: live.feed.epoch, ...page };
  }

  stats(): FeedStats {
    const { feed, broadcast } = this.#settled();
    return {
      feed: this.#name,
      ...feed.position,
      exists: this.#store.exists,
      keys: feed.entries.size,
      subscribers: broadcast.subscribers,
      lagging: broadcast.lagging,
      time: feed.time,
      storage: this.#store.exists ? this.ctx.storage.sql.databaseSize : 0,
      started: this.#started,
    };
  }

  /** `stats` for the directory, which wants to know of what changes from now on. */
  describe(): FeedStats {
    this.#listing.asked();
    return this.stats();
  }

  /**
   * Removes every entry and begins a new epoch. Nothing where there are as many feeds as there may be. `admin`: the id of
   * the credential.
   */
  async reset(admin: string): Promise<Position | undefined> {
    this.#open();
    if ((await this.#list(admin)) !== "listed") return undefined;
    const live = this.#open();
    live.reset(newEpoch());
    const { position } = live.feed;
    await this.#listing.change(this.#name);
    return position;
  }

  /** Removes the feed, its name and its sockets. It is not opened for that: one that cannot be can be removed. */
  async forget(): Promise<void> {
    // Nothing else is served meanwhile. What fails is thrown to the caller, and not at the object.
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
    // Those who wait for their receipts get them.
    this.#live?.end();
    for (const connection of this.#connections.all()) connection.close(CLOSE.removed, "the feed was removed");
    this.#live = undefined;
    await this.ctx.storage.deleteAlarm();
    this.#alarm.wentOff();
    await this.ctx.storage.deleteAll();
    this.#expiryAlarm = this.#newExpiryAlarm();
    this.#store = new FeedStore(this.ctx.storage.sql, this.#options.quotas.feed);
    // Last: were the name gone first, a failure would leave what nobody finds.
    await this.#listing.remove(this.#name);
  }

  /** Messages and ends of sockets do not have the feed opened, but where they ask for what is in it. */
  override async webSocketMessage(socket: WebSocket, frame: string | ArrayBuffer): Promise<void> {
    this.#heal();
    const connection = this.#connections.of(socket);
    if (!connection?.isOpen || connection.expire(Date.now())) return;
    // Set already, unless the platform has lost it.
    if (connection.expires !== undefined) this.#alarm.wakeBy(connection.expires);
    await this.#conversations.hear(connection, frame);
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    this.#drop(socket);
    // 1005, 1006 and 1015 say that no code came: they cannot be sent.
    if (socket.readyState !== WebSocket.CLOSED)
      socket.close(code === 1005 || code === 1006 || code === 1015 ? CLOSE.normal : code);
  }

  override webSocketError(socket: WebSocket): void {
    this.#drop(socket);
  }

  override alarm(): void {
    this.#alarm.wentOff();
    // First: a feed that cannot be opened keeps no socket open.
    this.#expireConnections();
    if (this.#expiryAlarm.isDue(Date.now())) {
      this.#expiryAlarm.wentOff();
      this.#open().onAlarm();
    } else this.#expiryAlarm.heal();
    this.#changed();
  }

  /** To be called when the object is awake in any case: the platform may have lost its alarm. */
  #heal(): void {
    this.#alarm.heal();
    this.#expiryAlarm.heal();
  }

  #newExpiryAlarm(): ExpiryAlarm {
    return new ExpiryAlarm(this.ctx.storage.kv, this.#alarm, () => this.#store.exists);
  }

  /** Closes those whose credential has ended, and has the others looked at when theirs does. */
  #expireConnections(): void {
    const now = Date.now();
    for (const connection of this.#connections.all()) {
      if (!connection.expire(now) && connection.expires !== undefined) this.#alarm.wakeBy(connection.expires);
    }
  }

  #drop(socket: WebSocket): void {
    this.#heal();
    this.#connections.remove(socket);
    this.#changed();
  }

  /** Has the directory told in its own time that the feed is not as it was. */
  #changed(): void {
    if (this.#store.exists) void this.#listing.change(this.#name);
  }

  get #name(): string {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("a feed's object is addressed by the feed's name");
    return name;
  }

  /** The feed, fit to be shown. */
  #settled(): LiveFeed {
    const live = this.#open();
    live.settle();
    return live;
  }

  /** The feed, read from storage and joined to the sockets that are still connected where memory was lost. */
  #open(): LiveFeed {
    if (this.#live) return this.#live;
    const platform = {
      now: () => Date.now(),
      steady: () => this.#clock.now(),
      wakeBy: (at: number) => this.#expiryAlarm.wakeBy(at),
      abandon: (reason: string) => this.ctx.abort(reason),
    };
    this.#expireConnections();
    const connections = [...this.#connections.all()].filter(({ isOpen }) => isOpen);
    // A feed that was never published to has no epoch in storage: the one that its subscribers were told is kept.
    const epoch = connections[0]?.told.epoch ?? newEpoch();
    const live = new LiveFeed(this.#store, platform, this.#options.pace, epoch, this.#budget);
    this.#live = live;
    for (const connection of connections) connection.resume(live);
    live.flush();
    return live;
  }

  /** Lists the feed before it is first written to. `maker`: the id of the credential that does. */
  async #list(maker: string): Promise<Listed> {
    return this.#store.exists ? "listed" : this.#listing.add(this.#name, maker);
  }
}

function refused(code: NoRoom, why: string): Response {
  return new Response(why, { status: PROBLEMS[code].status });
}
