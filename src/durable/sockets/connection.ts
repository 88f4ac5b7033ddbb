import type { ServedFeed } from "../../feed/fanout/broadcast.ts";
import { accountOf, type CountedCaller } from "../../limits/places.ts";
import type { Rate } from "../../limits/quotas.ts";
import { TokenBucket } from "../../limits/token-bucket.ts";
import { Unacknowledged } from "../../feed/fanout/backlog/unacknowledged.ts";
import type { EncodedMessage } from "../../feed/fanout/encoded-message.ts";
import type { Sink, Subscriber } from "../../feed/fanout/subscriber.ts";
import { CLOSE, usualWait, type MessageErrorCode } from "../../protocol/codes.ts";
import { LIMITS, SERVER_LIMITS } from "../../protocol/limits.ts";
import { encodeError, type ErrorDetails } from "../../protocol/server-messages.ts";
import type { Subscription } from "../../protocol/selection.ts";
import { SESSION_REFUSALS } from "../../protocol/session-key.ts";
import type { Position } from "../../protocol/position.ts";
import { frameOf, ownFrameOf, type Frame, type SocketFormat } from "./frames.ts";
import { NO_SEQ, saveClosed, saveState, type ClosedState, type SocketState } from "./attachment.ts";

/** Codes of errors that are not the client's fault. */
const NOT_BAD: ReadonlySet<MessageErrorCode> = new Set([
  "overloaded",
  "outcome_unknown",
  "feed_full",
  "rate_limited",
  ...SESSION_REFUSALS,
]);

/** Numbers the connections that have neither a credential nor a client IP: each is an account of its own. */
let unknown = 0;

/**
 * One subscriber's WebSocket, or one that only publishes. Its state is in its attachment too, and is saved there with each
 * change. It needs the feed only for subscriptions: a socket that closes or renews its credential does not have the feed
 * opened.
 */
export class Connection implements Sink {
  readonly #socket: WebSocket;
  readonly #ownAccount = `connection ${++unknown}`;
  readonly #unacknowledged = new Unacknowledged();
  readonly format: SocketFormat;
  /** Whether it never subscribes. */
  readonly onlyPublishes: boolean;
  /** As the attachment has it. Once closed from here it is so for good, though its client's own close may never come. */
  #state: SocketState | ClosedState;
  #served: ServedFeed | undefined;
  #subscriber: Subscriber | undefined;
  #badMessages = 0;
  /** What it may send; undefined before its first message. */
  #messageTokens: TokenBucket | undefined;

  /** `socket` was accepted, now or before the object lost its memory. */
  constructor(socket: WebSocket, state: SocketState | ClosedState) {
    this.#socket = socket;
    this.#state = state;
    this.format = "closed" in state ? "json" : state.format;
    this.onlyPublishes = !("closed" in state) && state.subscription === undefined;
  }

  /** On whom its place is counted. */
  get caller(): CountedCaller {
    return this.#state.caller;
  }

  /** The account on which its work is counted. */
  get account(): string {
    return accountOf(this.caller) || this.#ownAccount;
  }

  get kind(): CountedCaller["kind"] {
    return this.caller.kind;
  }

  get publishes(): boolean {
    return this.#open?.publishes === true;
  }

  get isOpen(): boolean {
    return this.#open !== undefined && this.#socket.readyState === WebSocket.OPEN;
  }

  /** The position of its client; undefined if the connection was closed from here. */
  get position(): Position | undefined {
    return this.#open?.position;
  }

  /** When its credential expires, in milliseconds since 1970; undefined if it does not, or if the connection is closed. */
  get expires(): number | undefined {
    return this.isOpen ? this.#open?.expires : undefined;
  }

  /** Subscribes a client that has just come, and resumes from `since`. */
  subscribe(served: ServedFeed, since: Position | undefined): void {
    this.#join(served, (subscription) => served.broadcast.subscribe(this, subscription, since));
  }

  /** Subscribes a client that was connected before the object lost its memory, and resumes from its position. */
  rejoin(served: ServedFeed): void {
    this.#join(served, (subscription, position) => served.broadcast.rejoin(this, subscription, position));
  }

  /** Goes on with a feed that was built anew in place of the one served before, which has ended. */
  takeOver(served: ServedFeed): void {
    const before = this.#subscriber;
    if (!before) this.rejoin(served);
    // The rest of its snapshot is gone, and another would be taken for it.
    else if (before.hasPart) this.close(CLOSE.restart, "come back");
    else this.#join(served, () => served.broadcast.takeOver(before));
  }

  /** Never throws: a connection that fails must not disturb publishers or other subscribers. */
  send(message: EncodedMessage, seq: number | undefined): void {
    try {
      // Of very many that end at one moment, the alarm closes some at a time.
      if (this.#open?.expires !== undefined && this.closeIfExpired(Date.now())) return;
      // Saved before it is sent: a rebuilt object must know of everything that the client has.
      this.#savePosition(seq);
      const frame = frameOf(message, this.format);
      if (frame === undefined) return;
      this.#sendFrame(frame);
      this.#unacknowledged.sent(seq, frame.length);
    } catch {
      this.close(CLOSE.restart, "come back");
    }
  }

  /** Never throws either. */
  clearPosition(): void {
    try {
      this.#savePosition(undefined);
    } catch {
      this.close(CLOSE.restart, "come back");
    }
  }

  /** Runtimes from before November 2026 have no `bufferedAmount`: there only the client's acks tell its backlog. */
  backlog(): number {
    const buffered = "bufferedAmount" in this.#socket ? this.#socket.bufferedAmount : 0;
    return Math.max(buffered, this.#unacknowledged.backlog);
  }

  drop(): void {
    this.close(CLOSE.overloaded, "the connection takes nothing: come back later");
  }

  /** Takes what a message costs from what the client may send. Returns false if there is not that much. */
  spendTokens(tokens: number, rate: Rate, now: number): boolean {
    this.#messageTokens ??= new TokenBucket(rate, now);
    return this.#messageTokens.take(now, tokens) === 0;
  }

  /** Closes the connection if its credential has expired, and returns whether it has. `now`: milliseconds since 1970. */
  closeIfExpired(now: number): boolean {
    const expires = this.#open?.expires;
    if (expires === undefined || expires > now) return false;
    this.close(CLOSE.unauthorized, "the credential has expired");
    return true;
  }

  /** Replaces the credential: whose the connection is, what it may do, and for how long. */
  grant(caller: CountedCaller, publishes: boolean, expires: number | undefined): void {
    this.#save({ caller, publishes, expires });
  }

  /** Replaces the subscription, as a message with this id asks. */
  resubscribe(subscription: Subscription, id: number | undefined): void {
    const broadcast = this.#served?.broadcast;
    if (!this.#subscriber || !broadcast || this.#dropIfSwamped()) return;
    const before = this.#open?.subscription;
    const after = broadcast.shared(subscription);
    this.#change({ subscription: after });
    const refusal = broadcast.resubscribe(this.#subscriber, after, id);
    if (refusal === undefined) return;
    if (before) this.#change({ subscription: before });
    if (refusal === "too_many") this.close(CLOSE.tooMuch, "too many messages wait for an answer: come back later");
    else this.refuse(id, refusal, "too many keys and fields are subscribed to: ask for fewer");
  }

  /** Notes a good message: only bad messages in a row count. */
  noteGoodMessage(): void {
    this.#badMessages = 0;
  }

  /** Answers a message. The client's position stays the same. */
  answer(message: string, type: "error" | "answer" = "answer"): void {
    const frame = ownFrameOf(type, message, this.format);
    if (!this.#dropIfSwamped() && frame !== undefined) this.#sendFrame(frame);
  }

  /** Notes an ack: the client's seq, and how many characters it has taken in all if it says so. */
  acknowledge(seq: number, length?: number): void {
    this.#unacknowledged.acknowledged(seq, length);
  }

  /** Refuses a message. A client that keeps sending bad or forbidden messages is closed. */
  refuse(
    id: number | undefined,
    code: MessageErrorCode,
    reason: string,
    { issues, retryAfter = usualWait(code) }: ErrorDetails = {},
  ): void {
    this.answer(encodeError(id, code, reason, { issues, retryAfter }), "error");
    if (NOT_BAD.has(code) || ++this.#badMessages < LIMITS.badMessages) return;
    if (code === "forbidden") this.close(CLOSE.forbidden, "not allowed");
    else this.close(CLOSE.badMessages, "too many bad messages");
  }

  /** Closes the connection for good: nothing is sent or received any more, whatever its client does. */
  close(code: number, reason: string): void {
    const { caller } = this;
    this.#state = { caller, closed: "closed" in this.#state ? this.#state.closed : code };
    this.unsubscribe();
    try {
      saveClosed(this.#socket, this.#state);
      this.#socket.close(code, reason);
    } catch {
      // The socket is gone already.
    }
  }

  /** Stops sending updates. */
  unsubscribe(): void {
    // The connection may fail before it has a subscriber.
    if (this.#subscriber) this.#served?.broadcast.unsubscribe(this.#subscriber);
    this.#subscriber = undefined;
  }

  #join(served: ServedFeed, subscribe: (subscription: Subscription, position: Position) => Subscriber): void {
    const open = this.#open;
    if (!open?.subscription || !this.isOpen) return;
    this.#served = served;
    const subscription = served.broadcast.shared(open.subscription);
    this.#state = { ...open, subscription };
    this.#subscriber = subscribe(subscription, open.position);
    // It may have failed on the way.
    if (!this.#open) this.unsubscribe();
  }

  /** Undefined once it was closed from here. */
  get #open(): SocketState | undefined {
    return "closed" in this.#state ? undefined : this.#state;
  }

  #savePosition(seq: number | undefined): void {
    const epoch = this.#served?.feed.epoch ?? this.position?.epoch ?? "";
    this.#save({ position: { epoch, seq: seq ?? NO_SEQ } });
  }

  #change(change: Partial<SocketState>): void {
    if (this.#open) this.#state = { ...this.#open, ...change };
  }

  #save(change: Partial<SocketState>): void {
    this.#change(change);
    if (this.#open) saveState(this.#socket, this.#open);
  }

  /** Drops a client that asks for more and more and takes none of it. Returns whether it did. */
  #dropIfSwamped(): boolean {
    if (this.backlog() <= SERVER_LIMITS.backlogMax) return false;
    this.drop();
    return true;
  }

  #sendFrame(frame: Frame): void {
    // A closing socket takes no more.
    if (this.isOpen) this.#socket.send(frame);
  }
}
