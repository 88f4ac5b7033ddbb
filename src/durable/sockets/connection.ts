import { accountOf, type CountedCaller } from "../../limits/places.ts";
import type { Rate } from "../../limits/quotas.ts";
import { TokenBucket } from "../../limits/token-bucket.ts";
import { Unacknowledged } from "../../feed/fanout/backlog/unacknowledged.ts";
import type { Broadcast } from "../../feed/fanout/broadcast.ts";
import type { Feed } from "../../feed/state/feed.ts";
import type { Sink, Subscriber } from "../../feed/fanout/subscriber.ts";
import { CLOSE, type MessageErrorCode, type UpdateIssue } from "../../protocol/codes.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { encodeError } from "../../protocol/server-messages.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import { pack, packAll } from "../../protocol/msgpack-frames.ts";
import type { Position } from "../../protocol/position.ts";
import { saveClosed, saveState, type ClosedState, type SocketState } from "./attachment.ts";

/** A feed that is in memory, as its connections see it. */
export interface Served {
  readonly feed: Feed;
  readonly broadcast: Broadcast;
}

/** Saved for a client that has been sent nothing, or a part of something: nobody can go on from there. */
export const NOWHERE = -1;
/** Codes of what is no fault of the client's. */
const NOT_BAD: ReadonlySet<MessageErrorCode> = new Set(["overloaded", "outcome_unknown", "feed_full", "rate_limited"]);

/** Connections without a credential or an address are owners of their own. */
let alone = 0;

/**
 * One subscriber's WebSocket. What it is stands in its attachment too, and changes there with it. It needs the feed only
 * for what the feed says: a socket that ends or renews its credential does not have it opened.
 */
export class Connection implements Sink {
  readonly #socket: WebSocket;
  readonly #alone = `connection ${++alone}`;
  readonly #unacknowledged = new Unacknowledged();
  /** Whether it speaks MessagePack. */
  readonly packed: boolean;
  #caller: CountedCaller;
  #publishes: boolean;
  #expires: number | undefined;
  #subscription: Subscription | undefined;
  #told: Position;
  #served: Served | undefined;
  #subscriber: Subscriber | undefined;
  /** What it was closed with. Its client's own end may come later or never. */
  #closed: number | undefined;
  #badMessages = 0;
  /** What it may send; none before its first message. */
  #messages: TokenBucket | undefined;

  /** A socket that was accepted, now or before the object lost its memory. */
  constructor(socket: WebSocket, state: SocketState | ClosedState) {
    this.#socket = socket;
    this.#caller = state.caller;
    const open = "closed" in state ? undefined : state;
    this.packed = open?.packed ?? false;
    this.#publishes = open?.publishes ?? false;
    this.#expires = open?.expires;
    this.#subscription = open?.subscription;
    this.#told = open?.told ?? { epoch: "", seq: 0 };
    if ("closed" in state) this.close(state.closed, "closed before");
  }

  /** Who has its place. */
  get caller(): CountedCaller {
    return this.#caller;
  }

  /** On whose account its work is counted. */
  get account(): string {
    return accountOf(this.#caller) ?? this.#alone;
  }

  get kind(): CountedCaller["kind"] {
    return this.#caller.kind;
  }

  /** Whether it may publish. */
  get publishes(): boolean {
    return this.#publishes;
  }

  get isOpen(): boolean {
    return this.#closed === undefined && this.#socket.readyState === WebSocket.OPEN;
  }

  /** What its client was last told, as its attachment says. */
  get told(): Position {
    return this.#told;
  }

  /** When its credential ends, in milliseconds since 1970; none where it does not, or where it is closed. */
  get expires(): number | undefined {
    return this.isOpen ? this.#expires : undefined;
  }

  /** Brings one that has just come from `since` to the present. */
  begin(served: Served, since: Position | undefined): void {
    this.#join(served, (subscription) => served.broadcast.subscribe(this, subscription, since));
  }

  /** Goes on with one that was connected before the object lost its memory. */
  resume(served: Served): void {
    this.#join(served, (subscription) => served.broadcast.rejoin(this, subscription, this.#told));
  }

  /** One connection that fails must not keep a feed from its publishers or from the others. */
  send(messages: readonly string[], seq: number | undefined): void {
    try {
      // First: what cannot be kept must not be told either, as a rebuilt object would not know of it.
      this.#save({ epoch: this.#served?.feed.epoch ?? this.#told.epoch, seq: seq ?? NOWHERE });
      for (const frame of this.packed ? packAll(messages) : messages) {
        this.#post(frame);
        this.#unacknowledged.sent(seq, frame.length);
      }
    } catch {
      this.close(CLOSE.restart, "come back");
    }
  }

  /** Runtimes of before November 2026 do not tell what is buffered: there a client's acks are all that is known. */
  backlog(): number {
    const buffered = "bufferedAmount" in this.#socket ? this.#socket.bufferedAmount : 0;
    return Math.max(buffered, this.#unacknowledged.backlog);
  }

  drop(): void {
    this.close(CLOSE.overloaded, "the connection takes nothing: come back later");
  }

  /** Takes what a message costs from what it may send, and says whether there was as much. */
  spend(tokens: number, rate: Rate, now: number): boolean {
    this.#messages ??= new TokenBucket(rate, now);
    return this.#messages.take(now, tokens) === 0;
  }

  /** Closes one that goes on though it has sent more than it may. */
  flood(): void {
    this.close(CLOSE.tooMuch, "too many messages: come back later");
  }

  /** Whether its credential has ended. Such a one is closed. `now` is in milliseconds since 1970. */
  expire(now: number): boolean {
    if (this.#expires === undefined || this.#expires > now) return false;
    this.close(CLOSE.unauthorized, "the credential has expired");
    return true;
  }

  /** Replaces whose it is, what it may do, and for how long. */
  grant(caller: CountedCaller, publishes: boolean, expires: number | undefined): void {
    this.#caller = caller;
    this.#publishes = publishes;
    this.#expires = expires;
    this.#save(this.#told);
  }

  resubscribe(subscription: Subscription, id: number | undefined): void {
    const broadcast = this.#served?.broadcast;
    if (!this.#subscriber || !broadcast || this.#isSwamped()) return;
    const before = this.#subscription;
    this.#subscription = broadcast.shared(subscription);
    const refusal = broadcast.resubscribe(this.#subscriber, this.#subscription, id);
    if (refusal === undefined) return;
    this.#subscription = before;
    if (refusal === "too_many") this.close(CLOSE.tooMuch, "too many messages wait for an answer: come back later");
    else this.refuse(id, refusal, "too many keys are subscribed to: ask for fewer");
  }

  /** Notes a message that was in order: only bad ones in a row count. */
  heard(): void {
    this.#badMessages = 0;
  }

  /** Answers a message; the answer tells of no new seq. */
  answer(message: string): void {
    if (!this.#isSwamped()) this.#post(this.packed ? pack(message) : message);
  }

  /** Notes what the client says it has, and how many characters it has taken in all where it says that too. */
  acknowledge(seq: number, length?: number): void {
    this.#unacknowledged.acknowledged(seq, length);
  }

  /** Answers a message that was refused. Whoever keeps sending what is bad or not allowed is closed. */
  refuse(id: number | undefined, code: MessageErrorCode, reason: string, issues?: readonly UpdateIssue[]): void {
    this.answer(encodeError(id, code, reason, issues));
    if (NOT_BAD.has(code) || ++this.#badMessages < LIMITS.badMessages) return;
    if (code === "forbidden") this.close(CLOSE.forbidden, "not allowed");
    else this.close(CLOSE.badMessages, "too many bad messages");
  }

  /** Ends the connection, for good: nothing is sent to it or heard from it any more, whatever its client does. */
  close(code: number, reason: string): void {
    this.#closed ??= code;
    this.forget();
    try {
      saveClosed(this.#socket, { caller: this.#caller, closed: this.#closed });
      this.#socket.close(code, reason);
    } catch {
      // It is gone already.
    }
  }

  /** Stops sending: the connection is gone. */
  forget(): void {
    // It may fail while it is being opened, before it has a subscriber.
    if (this.#subscriber) this.#served?.broadcast.unsubscribe(this.#subscriber);
    this.#subscriber = undefined;
  }

  #join(served: Served, subscribe: (subscription: Subscription) => Subscriber): void {
    if (!this.#subscription || !this.isOpen) return;
    this.#served = served;
    this.#subscription = served.broadcast.shared(this.#subscription);
    this.#subscriber = subscribe(this.#subscription);
    if (this.#closed !== undefined) this.forget();
  }

  #save(told: Position): void {
    if (!this.#subscription || this.#closed !== undefined) return;
    this.#told = told;
    saveState(this.#socket, {
      subscription: this.#subscription,
      caller: this.#caller,
      publishes: this.#publishes,
      expires: this.#expires,
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
    // A closing socket takes no more.
    if (this.isOpen) this.#socket.send(frame);
  }
}
