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
import type { DirectoryObject } from "./directory-object.ts";
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

/**
 * The Durable Object of one feed, named after it: orders and keeps its updates, holds its sockets, serves its state.
 * Only accepts, attaches and delegates.
 */
export class FeedObject<Env extends FeedObjectEnv = FeedObjectEnv> extends DurableObject<Env> {
  readonly #options: FeedObjectOptions;
  readonly #store: FeedStore;
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
    const live = this.#open();
    try {
      if (!(await this.#list())) {
        return { ok: false, code: "feed_full", detail: "There are as many feeds as there may be." };
      }
    } catch {
      return { ok: false, code: "overloaded", detail: "The list of feeds cannot be written.", retryAfter: 1 };
    }
    return live.publish(request);
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

  /** Removes every entry and begins a new epoch. Nothing where there are as many feeds as there may be. */
  async reset(): Promise<Position | undefined> {
    const live = this.#open();
    if (!(await this.#list())) return undefined;
    live.reset(newEpoch());
    return live.feed.position;
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

  /** Lists the feed before it is first written to. False where there are as many as there may be. */
  async #list(): Promise<boolean> {
    return this.#store.exists || this.#listing.add(this.#name);
  }
}
