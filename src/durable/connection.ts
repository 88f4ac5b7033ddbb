import type { Rate } from "../access/quotas.ts";
import { TokenBucket } from "../access/token-bucket.ts";
import { AckMeter } from "../feed/acks.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { Feed } from "../feed/feed.ts";
import type { Sink, Subscriber } from "../feed/subscriber.ts";
import { CLOSE, type MessageErrorCode, type UpdateIssue } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeError, type Subscription } from "../protocol/messages.ts";
import { pack, packAll } from "../protocol/packed.ts";
import type { Position } from "../protocol/position.ts";
import { saveState, type SocketState } from "./attachment.ts";

/** One subscriber's WebSocket. What it is stands in its attachment too, and changes there with it. */
export class Connection implements Sink {
  readonly #socket: WebSocket;
  readonly #feed: Feed;
  readonly #broadcast: Broadcast;
  readonly #subscriber: Subscriber | undefined;
  #closed = false;
  #subscription: Subscription;
  #publisher: string | undefined;
  #expires: number | undefined;
  /** Where it is counted as coming from; none where it is not counted. */
  readonly address: string | undefined;
  /** Whether it speaks MessagePack. */
  readonly packed: boolean;
  readonly #acks = new AckMeter();
  #badMessages = 0;
  /** What it may send; none before its first message. */
  #messages: TokenBucket | undefined;

  private constructor(
    socket: WebSocket,
    feed: Feed,
    broadcast: Broadcast,
    { subscription, publisher, expires, address, packed }: Omit<SocketState, "told">,
    join: (sink: Sink) => Subscriber,
  ) {
    this.#socket = socket;
    this.#feed = feed;
    this.#broadcast = broadcast;
    this.#subscription = subscription;
    this.#publisher = publisher;
    this.#expires = expires;
    this.address = address;
    this.packed = packed;
    this.#subscriber = join(this);
    if (this.#closed) this.forget();
  }

  /** A socket that has just been accepted and stands at `since`. It is brought up to date at once. */
  static open(
    socket: WebSocket,
    feed: Feed,
    broadcast: Broadcast,
    state: Omit<SocketState, "told">,
    since: Position | undefined,
  ): Connection {
    return new Connection(socket, feed, broadcast, state, (sink) =>
      broadcast.subscribe(sink, state.subscription, since),
    );
  }

  /** A socket that was connected before the object lost its memory. */
  static reopen(socket: WebSocket, feed: Feed, broadcast: Broadcast, state: SocketState): Connection {
    return new Connection(socket, feed, broadcast, state, (sink) =>
      broadcast.rejoin(sink, state.subscription, state.told),
    );
  }

  /** One connection that fails must not keep a feed from its publishers or from the others. */
  send(messages: readonly string[], seq: number): void {
    try {
      // First: what cannot be kept must not be told either, as a rebuilt object would not know of it.
      this.#save(seq);
      for (const frame of this.packed ? packAll(messages) : messages) {
        this.#post(frame);
        this.#acks.sent(seq, frame.length);
      }
    } catch {
      this.close(CLOSE.restart, "come back");
    }
  }

  /** Runtimes of before November 2026 do not tell what is buffered: there a client's acks are all that is known. */
  backlog(): number {
    const buffered = "bufferedAmount" in this.#socket ? this.#socket.bufferedAmount : 0;
    const { unacknowledged } = this.#acks;
    return unacknowledged > LIMITS.unackedHigh ? Math.max(buffered, unacknowledged) : buffered;
  }

  drop(): void {
    this.close(CLOSE.overloaded, "the connection takes nothing: come back later");
  }

  /** Who publishes over it; none where it may not. */
  get publisher(): string | undefined {
    return this.#publisher;
  }

  /** Whether it sends more messages than it may. Such a one is closed. */
  floods(rate: Rate, now: number): boolean {
    this.#messages ??= new TokenBucket(rate, now);
    if (this.#messages.take(now) === 0) return false;
    this.close(CLOSE.tooMuch, "too many messages: come back later");
    return true;
  }

  /** When its credential ends, in milliseconds since 1970; none where it does not. */
  get expires(): number | undefined {
    return this.#expires;
  }

  /** Whether its credential has ended. Such a one is closed. */
  expire(now: number): boolean {
    if (this.#expires === undefined || this.#expires > now) return false;
    this.close(CLOSE.unauthorized, "the credential has expired");
    return true;
  }

  /** Replaces what the socket may do, and for how long. */
  grant(publisher: string | undefined, expires: number | undefined): void {
    this.#publisher = publisher;
    this.#expires = expires;
    if (this.#subscriber) this.#save(this.#subscriber.seq);
  }

  resubscribe(subscription: Subscription, id: number | undefined): void {
    this.#subscription = subscription;
    if (!this.#subscriber || this.#isSwamped()) return;
    this.#broadcast.resubscribe(this.#subscriber, subscription, id);
  }

  /** Notes a message that was in order: only bad ones in a row count. */
  heard(): void {
    this.#badMessages = 0;
  }

  /** Answers a message; the answer tells of no new seq. */
  answer(message: string): void {
    if (!this.#isSwamped()) this.#post(this.packed ? pack(message) : message);
  }

  /** Notes what the client says it has. */
  acknowledge(seq: number): void {
    this.#acks.acknowledged(seq);
  }

  /** Answers a message that was refused. Whoever keeps sending what is bad or not allowed is closed. */
  refuse(id: number | undefined, code: MessageErrorCode, reason: string, issues?: readonly UpdateIssue[]): void {
    this.answer(encodeError(id, code, reason, issues));
    // A full or busy feed is not the client's fault.
    if (
      code === "overloaded" ||
      code === "outcome_unknown" ||
      code === "feed_full" ||
      code === "rate_limited" ||
      ++this.#badMessages < LIMITS.badMessages
    )
      return;
    if (code === "forbidden") this.close(CLOSE.forbidden, "not allowed");
    else this.close(CLOSE.badMessages, "too many bad messages");
  }

  /** Ends the connection. The client's own end of it may come later or never. */
  close(code: number, reason: string): void {
    this.#closed = true;
    this.forget();
    this.#socket.close(code, reason);
  }

  /** Stops sending: the connection is gone. */
  forget(): void {
    // It may fail while it is being opened, before it has a subscriber.
    if (this.#subscriber) this.#broadcast.unsubscribe(this.#subscriber);
  }

  #save(seq: number): void {
    const told = { epoch: this.#feed.epoch, seq };
    saveState(this.#socket, {
      subscription: this.#subscription,
      publisher: this.#publisher,
      expires: this.#expires,
      address: this.address,
      packed: this.packed,
      told,
    });
  }

  /** Whether the client asks for more and more and takes none of it. Such a one is dropped. */
  #isSwamped(): boolean {
    if (this.backlog() <= LIMITS.backlogMax) return false;
    this.drop();
    return true;
  }

  #post(frame: string | Uint8Array): void {
    // A closing socket takes no more; its close event, or the next wake-up, removes it.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }
}
