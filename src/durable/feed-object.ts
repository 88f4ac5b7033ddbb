import { DurableObject } from "cloudflare:workers";
import { Budget } from "../feed/fanout/budget.ts";
import { accountOf } from "../limits/places.ts";
import { steadyClock } from "../limits/steady-clock.ts";
import { encodeReceipt } from "../protocol/answers.ts";
import { CLOSE } from "../protocol/codes.ts";
import type { Position } from "../protocol/position.ts";
import { encodeHello } from "../protocol/server-messages.ts";
import { Alarm, ExpiryAlarm } from "./alarms.ts";
import { Listing } from "./directory/listing.ts";
import { NOT_LISTED, type FeedStats, type Listed, type SurveyedFeed } from "./directory/rpc.ts";
import { FeedLoader } from "./feed-loader.ts";
import { optionsOf, type FeedObjectEnv, type FeedObjectOptions } from "./feed-object-options.ts";
import { PublishQueue, type PublishOutcome, type PublishRequest } from "./requests/publish-queue.ts";
import { Reads, type ReadOutcome, type ReadRequest } from "./requests/reads.ts";
import { NO_SEQ } from "./sockets/connection.ts";
import { Connections } from "./sockets/connections.ts";
import { ownFrameOf } from "./sockets/frames.ts";
import { SocketMessages } from "./sockets/socket-messages.ts";
import {
  NO_PLACE,
  NO_ROOM_FOR_SELECTION,
  readSubscribeUpgrade,
  refuseUpgrade,
  TOO_MANY_MESSAGES,
} from "./sockets/subscribe-request.ts";
import type { HistoryPage } from "./storage/stored-log.ts";
import { newEpoch } from "./storage/state-row.ts";

/**
 * The Durable Object of one feed, named after it. It orders and keeps the feed's updates, holds its sockets and serves its
 * state. This class only accepts calls and sockets, attaches them to each other and delegates; `LiveFeed` has the way of an
 * update from there on.
 */
export class FeedObject<Env extends FeedObjectEnv = FeedObjectEnv> extends DurableObject<Env> implements SurveyedFeed {
  readonly #budget = new Budget();
  readonly #alarm = new Alarm(this.ctx.storage, () => Date.now());
  readonly #expiryAlarm = new ExpiryAlarm(this.ctx.storage.kv, this.#alarm, () => this.#loader.exists);
  readonly #loader: FeedLoader;
  readonly #listing: Listing;
  readonly #publishes: PublishQueue;
  readonly #reads = new Reads(this.ctx.id.name ?? "", this.#budget);
  readonly #connections: Connections;
  readonly #messages: SocketMessages;
  readonly #started = Date.now();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const options = this.configure(env);
    const { access, directory, quotas } = options;
    const now = steadyClock();
    this.#connections = new Connections(
      () => ctx.getWebSockets(),
      quotas,
      (at) => this.#alarm.wakeBy(at),
    );
    const platform = {
      now: () => Date.now(),
      steady: now,
      wakeBy: (at: number) => this.#expiryAlarm.wakeBy(at),
      abandon: (reason: string) => ctx.abort(reason),
    };
    this.#loader = new FeedLoader(ctx.storage, this.#connections, platform, options, this.#budget);
    this.#listing = new Listing(directory, quotas.feeds);
    const isBehind = (): boolean => this.#loader.store.isBehind;
    this.#publishes = new PublishQueue(quotas.publish, now, this.#budget.publishes, isBehind);
    this.#messages = new SocketMessages({
      feed: ctx.id.name ?? "",
      access,
      quotas,
      publishes: this.#publishes,
      now,
      accept: (request, account) => this.listAndAccept(request, account),
      resubscribe: (connection, subscription, id) => {
        this.#loader.committed();
        connection.resubscribe(subscription, id);
      },
      grant: (connection, caller, publishes) => this.#connections.grant(connection, caller, publishes),
    });
    // The platform answers these without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Called once, by the constructor. */
  protected configure(env: Env): FeedObjectOptions {
    return optionsOf(env);
  }

  /** Accepts a WebSocket whose upgrade the HTTP side has checked. */
  override fetch(request: Request): Response {
    const asked = readSubscribeUpgrade(request);
    if (!asked) return new Response(null, { status: 404 });
    this.#healAlarms();
    const { caller, subscription, protocol } = asked;
    const noPlace = this.#connections.refusal(caller);
    if (noPlace) return refuseUpgrade(noPlace, NO_PLACE[noPlace]);
    const account = accountOf(caller);
    if (account !== "" && this.#messages.hasSentTooMuch(account))
      return refuseUpgrade("rate_limited", TOO_MANY_MESSAGES);
    const live = this.#loader.committed();
    const noRoom = live.broadcast.refusal({ account, kind: caller.kind }, subscription);
    if (noRoom) return refuseUpgrade(noRoom, NO_ROOM_FOR_SELECTION[noRoom]);
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const hello = ownFrameOf("hello", encodeHello(this.#name, live.feed), asked.format);
    if (hello !== undefined) server.send(hello);
    const position = { epoch: live.feed.epoch, seq: NO_SEQ };
    this.#connections.add(server, { ...asked, position }).subscribe(live, asked.since);
    this.#tellDirectory();
    const headers = protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol };
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /**
   * Accepts a batch that came by POST: one update a line. Returns the receipt as JSON, or an outcome if there is more to
   * say. Text both ways: handing objects from one isolate to the other costs more than all else that a short batch takes.
   */
  async acceptBatch(
    batch: string,
    account: string,
    idempotency?: PublishRequest["idempotency"],
  ): Promise<string | PublishOutcome> {
    const updates = batch.split("\n");
    const accept = (): Promise<PublishOutcome> => this.listAndAccept({ updates, idempotency }, account);
    const outcome = await this.#publishes.run(account, updates, accept);
    return outcome.ok && !outcome.replayed ? encodeReceipt(this.#name, outcome.receipt) : outcome;
  }

  /** Accepts a batch whose turn has come. Lists the feed in the directory before it is first written to. */
  protected async listAndAccept(request: PublishRequest, account: string): Promise<PublishOutcome> {
    this.#healAlarms();
    try {
      this.#loader.open();
      const listed = await this.#list(account);
      if (listed !== "listed") return { ok: false, code: "feed_full", detail: NOT_LISTED[listed] };
    } catch (error) {
      // The caller must know that nothing was changed, and the operator why.
      // oxlint-disable-next-line no-console
      console.error("tickertape: a feed takes no updates", error);
      return { ok: false, code: "overloaded", detail: "The feed cannot be written to now.", retryAfter: 5 };
    }
    // Begun before the commit, so that it takes no time of its own; and looked at after it, as the directory may have asked
    // in between.
    this.#tellDirectory();
    const outcome = await this.#loader.open().accept(request);
    if (outcome.ok) await this.#listing.change(this.#name);
    return outcome;
  }

  /** The entries of a selection, or what changed in it; undefined if too much is read already. */
  read(request: ReadRequest): Promise<ReadOutcome | undefined> {
    return this.#reads.read(this.#loader.committed(), request);
  }

  /** A page of a key's history; undefined if too many reads wait for their turn. */
  async readHistory(
    key: string,
    limit: number,
    before: number | undefined,
    account: string,
  ): Promise<(HistoryPage & { epoch: string }) | undefined> {
    const live = this.#loader.committed();
    const { feed } = live;
    const steps = this.#loader.store.history(key, limit, before ?? feed.seq + 1, () => this.#budget.history.room);
    const page = await this.#reads.history(live, account, steps);
    return page && { epoch: feed.epoch, ...page };
  }

  stats(): FeedStats {
    const { feed, broadcast } = this.#loader.committed();
    return {
      feed: this.#name,
      ...feed.position,
      exists: this.#loader.exists,
      keys: feed.entries.size,
      subscribers: broadcast.subscribers,
      lagging: broadcast.lagging,
      time: feed.time,
      storage: this.#loader.exists ? this.ctx.storage.sql.databaseSize : 0,
      started: this.#started,
    };
  }

  statsForDirectory(): FeedStats {
    this.#listing.asked();
    return this.stats();
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
    await this.#listing.change(this.#name);
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
    this.#loader.end();
    this.#reads.end();
    for (const connection of this.#connections.all()) connection.close(CLOSE.removed, "the feed was removed");
    await this.ctx.storage.deleteAlarm();
    this.#alarm.wentOff();
    await this.#loader.deleteAll();
    this.#expiryAlarm.forget();
    // Last: if the name went first, a failure would leave a feed that is not in the list.
    await this.#listing.remove(this.#name);
  }

  /** Only a message that concerns the feed's entries has the feed opened. The end of a socket never has. */
  override async webSocketMessage(socket: WebSocket, frame: string | ArrayBuffer): Promise<void> {
    this.#healAlarms();
    const connection = this.#connections.receiving(socket, Date.now());
    if (connection) await this.#messages.handle(connection, frame);
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    this.#removeSocket(socket);
    // 1005, 1006 and 1015 say that no code came: they cannot be sent.
    if (socket.readyState !== WebSocket.CLOSED)
      socket.close(code === 1005 || code === 1006 || code === 1015 ? CLOSE.normal : code);
  }

  override webSocketError(socket: WebSocket): void {
    this.#removeSocket(socket);
  }

  #removeSocket(socket: WebSocket): void {
    this.#healAlarms();
    this.#connections.remove(socket);
    this.#tellDirectory();
  }

  override alarm(): void {
    this.#alarm.wentOff();
    // First: sockets are closed in time even if the feed cannot be opened.
    this.#connections.closeExpired(Date.now());
    if (this.#expiryAlarm.isDue(Date.now())) {
      this.#expiryAlarm.wentOff();
      this.#loader.open().onAlarm();
    } else this.#expiryAlarm.heal();
    this.#tellDirectory();
  }

  /** Sets the alarm again if the platform has lost it. To be called when the object is awake in any case. */
  #healAlarms(): void {
    this.#alarm.heal();
    this.#expiryAlarm.heal();
  }

  /** Tells the directory that the feed's stats change. Not awaited. */
  #tellDirectory(): void {
    if (this.#loader.exists) void this.#listing.change(this.#name);
  }

  /** Lists the feed if it does not exist yet. `maker`: the id of the credential that makes it. */
  async #list(maker: string): Promise<Listed> {
    return this.#loader.exists ? "listed" : this.#listing.add(this.#name, maker);
  }

  get #name(): string {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("a feed's object is addressed by the feed's name");
    return name;
  }
}
