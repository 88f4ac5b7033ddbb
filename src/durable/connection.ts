import type { Broadcast, Subscriber } from "../feed/broadcast.ts";
import type { Feed } from "../feed/feed.ts";
import { CLOSE, type MessageErrorCode, type UpdateIssue } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeError, type Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { saveState, type SocketState } from "./attachment.ts";

/** One subscriber's WebSocket. What it is stands in its attachment too, and changes there with it. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #feed: Feed;
  readonly #broadcast: Broadcast;
  readonly #subscriber: Subscriber;
  #subscription: Subscription;
  #mayPublish: boolean;
  #badMessages = 0;

  private constructor(
    socket: WebSocket,
    feed: Feed,
    broadcast: Broadcast,
    { subscription, mayPublish }: Omit<SocketState, "told">,
    join: (send: Subscriber["send"]) => Subscriber,
  ) {
    this.#socket = socket;
    this.#feed = feed;
    this.#broadcast = broadcast;
    this.#subscription = subscription;
    this.#mayPublish = mayPublish;
    this.#subscriber = join((messages, seq) => this.#tell(messages, seq));
  }

  /** A socket that has just been accepted and stands at `since`. It is brought up to date at once. */
  static open(
    socket: WebSocket,
    feed: Feed,
    broadcast: Broadcast,
    state: Omit<SocketState, "told">,
    since: Position | undefined,
  ): Connection {
    return new Connection(socket, feed, broadcast, state, (send) =>
      broadcast.subscribe(send, state.subscription, since),
    );
  }

  /** A socket that was connected before the object lost its memory. */
  static reopen(socket: WebSocket, feed: Feed, broadcast: Broadcast, state: SocketState): Connection {
    return new Connection(socket, feed, broadcast, state, (send) =>
      broadcast.rejoin(send, state.subscription, state.told),
    );
  }

  get mayPublish(): boolean {
    return this.#mayPublish;
  }

  /** Lets the socket publish, or no longer. */
  grant(mayPublish: boolean): void {
    this.#mayPublish = mayPublish;
    this.#save(this.#subscriber.seq);
  }

  resubscribe(subscription: Subscription, id: number | undefined): void {
    this.#subscription = subscription;
    this.#broadcast.resubscribe(this.#subscriber, subscription, id);
  }

  /** Answers a message; the answer tells of no new seq. */
  answer(message: string): void {
    this.#badMessages = 0;
    this.#send(message);
  }

  /** Answers a bad message. Whoever keeps sending them is closed. */
  refuse(id: number | undefined, code: MessageErrorCode, reason: string, issues?: readonly UpdateIssue[]): void {
    this.#send(encodeError(id, code, reason, issues));
    if (++this.#badMessages >= LIMITS.badMessages) this.close(CLOSE.badMessages, "too many bad messages");
  }

  /** Ends the connection. The client's own end of it may come later or never. */
  close(code: number, reason: string): void {
    this.forget();
    this.#socket.close(code, reason);
  }

  /** Stops sending: the connection is gone. */
  forget(): void {
    this.#broadcast.unsubscribe(this.#subscriber);
  }

  #tell(messages: readonly string[], seq: number): void {
    for (const message of messages) this.#send(message);
    this.#save(seq);
  }

  #save(seq: number): void {
    const told = { epoch: this.#feed.epoch, seq };
    saveState(this.#socket, { subscription: this.#subscription, mayPublish: this.#mayPublish, told });
  }

  #send(message: string): void {
    // A closing socket takes no more; its close event, or the next wake-up, removes it.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
  }
}
