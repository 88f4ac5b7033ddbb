import { DurableObject } from "cloudflare:workers";
import type { Access } from "../access/access.ts";
import { accessBy, type AccessSettings } from "../access/credentials.ts";
import { quotasOf, type Quotas, type QuotaSettings } from "../access/quotas.ts";
import { TokenBuckets } from "../access/token-bucket.ts";
import { CLOSE, PROBLEMS } from "../protocol/codes.ts";
import { encodeHello, encodeReceipt } from "../protocol/messages.ts";
import { pack, PACKED_PROTOCOL } from "../protocol/packed.ts";
import type { Position } from "../protocol/position.ts";
import { Alarm } from "./alarm.ts";
import { loadState } from "./attachment.ts";
import { SteadyClock } from "./clock.ts";
import { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import { converse } from "./conversation.ts";
import type { DirectoryObject, Listed } from "./directory-object.ts";
import { FeedStore, type HistoryPage } from "./feed-store.ts";
import { Listing } from "./listing.ts";
import { LiveFeed, type FeedPace, type PublishOutcome, type PublishRequest } from "./live-feed.ts";
import { DEFAULT_PACE } from "./pace.ts";
import { newEpoch } from "./epoch.ts";
import { read, type FeedStats, type ReadOutcome, type ReadRequest } from "./reading.ts";
import { readSubscribeUpgrade } from "./subscribe-request.ts";

/** What a feed's object needs to know. A Worker with other names or rules overrides `FeedObject.configure`. */
export interface FeedObjectOptions {
  /** Who may do what, for credentials that come over a socket. */
  readonly access: Access;
  /** Where feeds are listed; none given means that they are not. */
  readonly directory: DurableObjectStub<DirectoryObject> | undefined;
  readonly pace: FeedPace;
  readonly quotas: Quotas;
}

/** Bindings and secrets that the object reads unless `configure` is overridden. */
export interface FeedObjectEnv extends AccessSettings, QuotaSettings {
  readonly DIRECTORY?: DurableObjectNamespace<DirectoryObject>;
}

/** Why a feed that is not there cannot be made. */
const NOT_LISTED: Readonly<Record<Exclude<Listed, "listed">, string>> = {
  full: "There are as many feeds as there may be.",
  share: "Tokens have made as many feeds as they may.",
};

/**
 * The Durable Object of one feed, named after it: orders and keeps its updates, holds its sockets, serves its state.
 * Only accepts, attaches and delegates.
 */
export class FeedObject<Env extends FeedObjectEnv = FeedObjectEnv> extends DurableObject<Env> {
  readonly #options: FeedObjectOptions;
  #store: FeedStore;
  readonly #publishers: TokenBuckets;
  readonly #listing: Listing;
  readonly #connections = new Connections();
  readonly #alarm = new Alarm((at) => void this.ctx.storage.setAlarm(at));
  readonly #clock = new SteadyClock(() => Date.now());
  readonly #started = Date.now();
  #live: LiveFeed | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#options = this.configure(env);
    this.#store = new FeedStore(ctx.storage.sql, this.#options.quotas.feed);
    this.#publishers = new TokenBuckets(this.#options.quotas.publish);
    this.#listing = new Listing(this.#options.directory, this.#options.quotas.feeds);
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
    const { feed, broadcast } = this.#settled();
    const { sockets, socketsPerAddress } = this.#options.quotas;
    if (this.#connections.size >= sockets) return new Response(null, { status: PROBLEMS.overloaded.status });
    if (asked.address !== undefined && this.#connections.from(asked.address) >= socketsPerAddress) {
      return new Response(null, { status: PROBLEMS.rate_limited.status });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const packed = asked.protocol === PACKED_PROTOCOL;
    const hello = encodeHello(this.#name, feed.position);
    server.send(packed ? pack(hello) : hello);
    this.#connections.add(server, Connection.open(server, feed, broadcast, { ...asked, packed }, asked.since));
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
    const wait = this.#publishers.take(publisher, this.#clock.now());
    if (wait > 0) {
      const detail = "This credential publishes more often than it may.";
      return { ok: false, code: "rate_limited", detail, retryAfter: Math.ceil(wait / 1000) };
    }
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

  /** The entries of a selection, or what changed in it. */
  read(request: ReadRequest): ReadOutcome {
    return read(this.#name, this.#settled().feed, this.#store, request);
  }

  history(key: string, limit: number, before: number | undefined): HistoryPage & { epoch: string } {
    const { feed } = this.#settled();
    return { epoch: feed.epoch, ...this.#store.history(key, limit, before ?? feed.seq + 1) };
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
    for (const socket of this.ctx.getWebSockets()) {
      const connection = this.#connections.get(socket);
      if (connection) connection.close(CLOSE.removed, "the feed was removed");
      else socket.close(CLOSE.removed, "the feed was removed");
      this.#connections.remove(socket);
    }
    this.#live = undefined;
    await this.ctx.storage.deleteAlarm();
    this.#alarm.wentOff();
    await this.ctx.storage.deleteAll();
    this.#store = new FeedStore(this.ctx.storage.sql, this.#options.quotas.feed);
    // Last: were the name gone first, a failure would leave what nobody finds.
    await this.#listing.remove(this.#name);
  }

  override async webSocketMessage(socket: WebSocket, frame: string | ArrayBuffer): Promise<void> {
    const live = this.#open();
    const connection = this.#connections.get(socket);
    const now = Date.now();
    if (!connection || socket.readyState !== WebSocket.OPEN || connection.expire(now)) return;
    const conversation = {
      feed: this.#name,
      access: this.#options.access,
      messages: this.#options.quotas.messages,
      publish: (request: PublishRequest, publisher: string) => this.publish(request, publisher),
      settle: () => live.settle(),
      expireBy: (at: number) => this.#alarm.wakeBy(at),
    };
    await converse(conversation, connection, frame);
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
    this.#open().onAlarm();
    this.#expireConnections(Date.now());
    this.#changed();
  }

  /** Closes those whose credential has ended, and has the others looked at when theirs does. */
  #expireConnections(now: number): void {
    for (const connection of this.#connections) {
      if (connection.expires !== undefined && !connection.expire(now)) this.#alarm.wakeBy(connection.expires);
    }
  }

  #drop(socket: WebSocket): void {
    this.#open();
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
    const sockets: [WebSocket, ReturnType<typeof loadState>][] = this.ctx
      .getWebSockets()
      .filter((socket) => socket.readyState === WebSocket.OPEN)
      .map((socket) => [socket, loadState(socket)]);
    const platform = {
      now: () => Date.now(),
      steady: () => this.#clock.now(),
      wakeBy: (at: number) => this.#alarm.wakeBy(at),
      abandon: (reason: string) => this.ctx.abort(reason),
    };
    // A feed that was never published to has no epoch in storage: the one that its subscribers were told is kept.
    const told = sockets.find(([, state]) => state)?.[1]?.told.epoch;
    const live = new LiveFeed(this.#store, platform, this.#options.pace, told ?? newEpoch());
    this.#live = live;
    for (const [socket, state] of sockets) {
      if (state) this.#connections.add(socket, Connection.reopen(socket, live.feed, live.broadcast, state));
      else socket.close(CLOSE.restart, "come back");
    }
    live.flush();
    return live;
  }

  /** Lists the feed before it is first written to. `maker`: the id of the credential that does. */
  async #list(maker: string): Promise<Listed> {
    return this.#store.exists ? "listed" : this.#listing.add(this.#name, maker);
  }
}
