import { DurableObject } from "cloudflare:workers";
import { Budget } from "../../feed/fanout/budget.ts";
import { accountOf, type CountedCaller } from "../../limits/places.ts";
import { steadyClock } from "../../limits/steady-clock.ts";
import { CLOSE } from "../../protocol/codes.ts";
import type { Position } from "../../protocol/position.ts";
import { encodeHello } from "../../protocol/server-messages.ts";
import { Alarm } from "./alarms.ts";
import { Complaints } from "./complaints.ts";
import { optionsOf, type FeedObjectEnv, type FeedObjectOptions } from "./options.ts";
import { PublishQueue, type PublishOutcome, type PublishRequest } from "../requests/publish-queue.ts";
import { Reads, type ReadOutcome, type ReadRequest } from "../requests/reads.ts";
import type { ServingFeed } from "./serving-feed.ts";
import { NO_SEQ, type SocketState } from "../sockets/attachment.ts";
import type { Connection } from "../sockets/connection.ts";
import { Connections } from "../sockets/connections.ts";
import { ownFrameOf } from "../sockets/frames.ts";
import { SocketMessages } from "../sockets/socket-messages.ts";
import {
  NO_PLACE,
  NO_ROOM_FOR_SELECTION,
  readPublisherUpgrade,
  readSubscribeUpgrade,
  refuseUpgrade,
  TOO_MANY_MESSAGES,
  type PublisherRequest,
  type SubscribeRequest,
} from "../sockets/subscribe-request.ts";

const NOT_SERVED = "a subscriber could not be served here";
const UNREACHABLE = "The feed cannot be reached now.";

/**
 * A Durable Object that serves a feed to subscribers and readers: the leader, which orders the feed, or a replica, which
 * follows it. It holds the sockets, takes their messages and answers reads; subclasses say where the feed comes from.
 */
export abstract class ServingObject<Env extends FeedObjectEnv> extends DurableObject<Env> {
  /** The feed's name: the object's, up to the slash that only the names of replicas have. */
  protected readonly feedName = (this.ctx.id.name ?? "").replace(/\/.*/, "");
  /** Milliseconds that never go backwards. */
  protected readonly steady = steadyClock();
  protected readonly budget = new Budget();
  protected readonly alarmClock = new Alarm(this.ctx.storage, () => Date.now());
  protected readonly options: FeedObjectOptions;
  protected readonly connections: Connections;
  protected readonly publishes: PublishQueue;
  protected readonly reads: Reads;
  protected readonly complaints = new Complaints(this.steady);
  protected readonly started = Date.now();
  readonly #messages: SocketMessages;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.options = this.configure(env);
    const { access, quotas } = this.options;
    const now = this.steady;
    this.reads = new Reads(this.feedName, this.budget);
    this.connections = new Connections(
      () => ctx.getWebSockets(),
      quotas,
      (at) => this.alarmClock.wakeBy(at),
    );
    this.publishes = new PublishQueue(quotas.publish, now, this.budget.publishes, {
      isBehind: () => this.isBehind,
      isOwed: (hasLittle) => this.served?.isOwed(hasLittle) ?? false,
      tookIn: (work) => this.served?.tookIn(work),
    });
    this.#messages = new SocketMessages({
      feed: this.feedName,
      access,
      quotas,
      publishes: this.publishes,
      now,
      accept: (request, account) => this.acceptFromSocket(request, account),
      resubscribe: async (connection, subscription, id) => {
        try {
          await this.prepareChange();
          this.serve();
        } catch (error) {
          this.complaints.complain(NOT_SERVED, error);
          connection.close(CLOSE.overloaded, UNREACHABLE);
          return;
        }
        connection.resubscribe(subscription, id);
      },
      grant: (connection, caller, publishes) => this.connections.grant(connection, caller, publishes),
    });
    // The platform answers these without waking the object.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  /** Called once, by the constructor. */
  protected configure(env: Env): FeedObjectOptions {
    return optionsOf(env);
  }

  /** The feed, if it is in memory. */
  protected abstract get served(): ServingFeed | undefined;

  /** Whether updates come in faster than storage takes them: publishes wait then. */
  protected abstract get isBehind(): boolean;

  /*
   * These have the feed here. Undefined if there is nothing to wait for. They reject if it cannot be had now, or only in a state
   * older than what has to be shown.
   */

  /** For one that comes to subscribe, at a client's position or beyond it if there is one. */
  protected abstract prepareSubscriber(since: Position | undefined): Promise<void> | undefined;

  /** For one that reads. */
  protected abstract prepareReader(since: Position | undefined): Promise<void> | undefined;

  /** For a subscriber that asks for something else. */
  protected abstract prepareChange(): Promise<void> | undefined;

  /** The feed, so that it may be shown. Only once it was prepared, in the same turn. */
  protected abstract serve(): ServingFeed;

  /** Accepts a batch that came over a socket and whose turn has come. */
  protected abstract acceptFromSocket(request: PublishRequest, account: string): Promise<PublishOutcome>;

  /** Called when something wakes the object, or keeps it awake. */
  protected abstract onAwake(): void;

  /** Called when a socket has come or gone. */
  protected abstract onSockets(): void;

  /** Accepts a WebSocket whose upgrade the HTTP side has checked. */
  override async fetch(request: Request): Promise<Response> {
    const publisher = readPublisherUpgrade(request);
    const asked = readSubscribeUpgrade(request);
    this.served?.keepTime();
    this.onAwake();
    if (publisher) return this.#acceptPublisher(publisher);
    if (!asked) return new Response(null, { status: 404 });
    try {
      await this.prepareSubscriber(asked.since);
    } catch (error) {
      this.complaints.complain(NOT_SERVED, error);
      return refuseUpgrade("overloaded", UNREACHABLE);
    }
    return this.#accept(asked);
  }

  /** Says where a subscriber should go instead; undefined if it may stay. */
  protected abstract redirect(asked: SubscribeRequest): Response | undefined;

  #accept(asked: SubscribeRequest): Response {
    const elsewhere = this.redirect(asked);
    if (elsewhere) return elsewhere;
    const { caller, subscription, since } = asked;
    const refused = this.#refuseSocket(caller);
    if (refused) return refused;
    const live = this.serve();
    const noRoom = live.broadcast.refusal({ account: accountOf(caller), kind: caller.kind }, subscription);
    if (noRoom) return refuseUpgrade(noRoom, NO_ROOM_FOR_SELECTION[noRoom]);
    const { connection, response } = this.#openSocket(live, asked);
    connection.subscribe(live, since);
    this.onSockets();
    return response;
  }

  /** It takes a place, and is nothing to the fan-out. */
  #acceptPublisher(asked: PublisherRequest): Response {
    const refused = this.#refuseSocket(asked.caller);
    if (refused) return refused;
    return this.#openSocket(this.serve(), { ...asked, subscription: undefined, publishes: true }).response;
  }

  #refuseSocket(caller: CountedCaller): Response | undefined {
    const noPlace = this.connections.refusal(caller);
    if (noPlace) return refuseUpgrade(noPlace, NO_PLACE[noPlace]);
    const account = accountOf(caller);
    const hasSentTooMuch = account !== "" && this.#messages.hasSentTooMuch(account);
    return hasSentTooMuch ? refuseUpgrade("rate_limited", TOO_MANY_MESSAGES) : undefined;
  }

  #openSocket(
    { feed }: ServingFeed,
    { protocol, ...state }: Omit<SocketState, "position"> & Pick<PublisherRequest, "protocol">,
  ): { connection: Connection; response: Response } {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const hello = ownFrameOf("hello", encodeHello(this.feedName, feed, this.options.silentAfter), state.format);
    if (hello !== undefined) server.send(hello);
    const connection = this.connections.add(server, { ...state, position: { epoch: feed.epoch, seq: NO_SEQ } });
    const headers = protocol === undefined ? {} : { "Sec-WebSocket-Protocol": protocol };
    return { connection, response: new Response(null, { status: 101, webSocket: client, headers }) };
  }

  /** The entries of a selection, or what changed in it; undefined if too much is read already. */
  async read(request: ReadRequest): Promise<ReadOutcome | undefined> {
    this.served?.keepTime();
    await this.prepareReader(request.since);
    return this.reads.read(this.serve(), request);
  }

  /** Only a message that concerns the feed's entries has the feed opened. The end of a socket never has. */
  override async webSocketMessage(socket: WebSocket, frame: string | ArrayBuffer): Promise<void> {
    this.served?.keepTime();
    this.onAwake();
    const connection = this.connections.receiving(socket, Date.now());
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
    this.onAwake();
    if (this.connections.remove(socket)?.onlyPublishes !== true) this.onSockets();
  }
}
