import { WHY_INVALID, type Access, type Caller } from "../../access/access.ts";
import { PUBLISH_WEIGHT, type Quotas } from "../../limits/quotas.ts";
import { TokenBuckets } from "../../limits/token-bucket.ts";
import { memoryOf } from "../../feed/state/entry.ts";
import { CLOSE, type NoRoom } from "../../protocol/codes.ts";
import {
  decodeClientMessage,
  isLong,
  sentIdOf,
  tooLong,
  type ClientMessage,
  type DecodedMessage,
} from "../../protocol/client-messages.ts";
import { exceedsBytes } from "../../protocol/json.ts";
import { isAscii } from "../../protocol/json-scan.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { encodeAuthorized } from "../../protocol/server-messages.ts";
import type { Subscription } from "../../protocol/selection.ts";
import { decodeUpdatesInSteps, type DecodedUpdates } from "../../protocol/update-decoding.ts";
import type { Connection } from "./connection.ts";
import { SocketPublishes, type SocketPublishesHost } from "./socket-publishes.ts";

/** What messages need of the feed's object. */
export interface SocketMessagesHost extends SocketPublishesHost {
  readonly feed: string;
  readonly access: Access;
  readonly quotas: Quotas;
  /** Milliseconds that never go backwards. */
  now(): number;
  /** Replaces a connection's subscription. Opens the feed. */
  resubscribe(connection: Connection, subscription: Subscription, id: number | undefined): void;
  /** Gives a connection another credential. */
  grant(connection: Connection, caller: Caller, publishes: boolean): void;
}

/** Characters or bytes of a message that count as one more message. A batch counts by `PUBLISH_WEIGHT`. */
const MESSAGE_WEIGHT = 1024;

/** The part of its burst that an account must have regained to get a socket, which would else be closed soon. */
const REGAINED = 1 / 10;

/** A message that was read, with its updates if it is a publish. */
interface ReadMessage {
  readonly decoded: DecodedMessage;
  readonly updates: DecodedUpdates | undefined;
}

/** The account that a connection's messages wait on, and how many of them wait. */
interface MessageLine {
  readonly account: string;
  waiting: number;
}

/** Takes the messages that clients send on their sockets, and answers them. */
export class SocketMessages {
  readonly #host: SocketMessagesHost;
  readonly #accounts: TokenBuckets;
  readonly #publishes: SocketPublishes;
  readonly #lines = new WeakMap<Connection, MessageLine>();

  constructor(host: SocketMessagesHost) {
    this.#host = host;
    this.#publishes = new SocketPublishes(host, (connection, weight) => this.#charge(connection, weight));
    this.#accounts = new TokenBuckets(host.quotas.accountMessages);
  }

  /** Whether an account has sent so much that it gets no further socket yet. */
  hasSentTooMuch(account: string): boolean {
    return this.#accounts.wait(account, this.#host.now(), REGAINED * this.#host.quotas.accountMessages.burst) > 0;
  }

  /** Takes one message, now or when its turn has come. */
  async handle(connection: Connection, frame: string | ArrayBuffer): Promise<void> {
    const length = typeof frame === "string" ? frame.length : frame.byteLength;
    if (typeof frame === "string" ? exceedsBytes(frame, LIMITS.frameBytes) : length > LIMITS.frameBytes) {
      connection.close(CLOSE.tooLarge, `a message may have ${LIMITS.frameBytes} bytes`);
      return;
    }
    // Charged before it is read: a long message that is no batch is not worth reading if there were too many.
    if (!connection.publishes && !this.#charge(connection, length / MESSAGE_WEIGHT)) return;
    if (!connection.publishes && isLong(frame)) {
      const { id, code, reason } = tooLong();
      connection.refuse(id, code, reason);
      return;
    }
    const line = this.#lineOf(connection);
    line.waiting++;
    const size = typeof frame === "string" ? memoryOf(frame, isAscii(frame)) : length;
    const { turns } = this.#host.publishes;
    const running = turns.runInSteps(line.account, size, this.#readAndTake(connection, frame, length, line));
    if (typeof running !== "string") {
      await running;
      return;
    }
    line.waiting--;
    this.#refuseUnread(connection, frame, length, running);
  }

  /** While messages wait on one account, so do those after them, even if the connection has another now: in order. */
  #lineOf(connection: Connection): MessageLine {
    const { account } = connection;
    const known = this.#lines.get(connection);
    if (known && (known.waiting > 0 || known.account === account)) return known;
    const line = { account, waiting: 0 };
    this.#lines.set(connection, line);
    return line;
  }

  /** Reads a message, a long one in steps, and then takes it. */
  *#readAndTake(
    connection: Connection,
    frame: string | ArrayBuffer,
    length: number,
    line: MessageLine,
  ): Generator<number, Promise<void>> {
    const message = yield* read(connection, frame);
    line.waiting--;
    return this.#take(connection, message, length);
  }

  async #take(connection: Connection, message: ReadMessage | undefined, length: number): Promise<void> {
    // The connection may have been closed while the message waited.
    if (!message || !connection.isOpen) return;
    const { decoded, updates } = message;
    const isPublish = decoded.ok && decoded.message.type === "publish";
    if (connection.publishes && !isPublish && !this.#charge(connection, length / MESSAGE_WEIGHT)) return;
    if (!decoded.ok) connection.refuse(decoded.id, decoded.code, decoded.reason);
    else if (decoded.message.type === "publish")
      await this.#publishes.take(connection, decoded.message, updates, length);
    else await this.#answer(connection, decoded.message);
  }

  /** Refuses a message that finds no room to wait. */
  #refuseUnread(connection: Connection, frame: string | ArrayBuffer, length: number, code: NoRoom): void {
    if (connection.publishes && !this.#charge(connection, length / PUBLISH_WEIGHT)) return;
    const payload = payloadOf(connection, frame);
    const id = payload === undefined ? undefined : sentIdOf(payload);
    connection.refuse(id, code, "too much is waiting to be done: send it later");
  }

  /** Spends tokens of the connection and its account. Returns false, and closes the connection, if either has too few. */
  #charge(connection: Connection, weight: number): boolean {
    const now = this.#host.now();
    const tokens = 1 + weight;
    const hasTokens =
      connection.spendTokens(tokens, this.#host.quotas.messages, now) &&
      this.#accounts.take(connection.account, now, tokens) === 0;
    if (!hasTokens) connection.close(CLOSE.tooMuch, "too many messages: come back later");
    return hasTokens;
  }

  async #answer(connection: Connection, message: Exclude<ClientMessage, { type: "publish" }>): Promise<void> {
    switch (message.type) {
      case "subscribe":
        if (connection.onlyPublishes) {
          connection.refuse(message.id, "forbidden", "this socket only publishes: subscribe on another");
          return;
        }
        connection.noteGoodMessage();
        this.#host.resubscribe(connection, message.subscription, message.id);
        return;
      case "auth":
        await this.#authorize(connection, message);
        return;
      case "ack":
        connection.noteGoodMessage();
        connection.acknowledge(message.seq, message.bytes);
        return;
    }
  }

  async #authorize(connection: Connection, { id, token }: Extract<ClientMessage, { type: "auth" }>): Promise<void> {
    const caller = await this.#host.access.identify(token);
    // The connection may have gone meanwhile, and given its place back.
    if (!connection.isOpen) return;
    if (caller === "unavailable") {
      connection.refuse(id, "overloaded", "the credential cannot be checked now: try again", { retryAfter: 5 });
      return;
    }
    if (typeof caller === "string") {
      connection.close(CLOSE.unauthorized, WHY_INVALID[caller]);
      return;
    }
    const grants = caller.on(this.#host.feed);
    const needed = connection.onlyPublishes ? "publish" : "subscribe";
    if (!grants[needed]) {
      connection.close(CLOSE.forbidden, `the credential does not allow to ${needed} to this feed`);
      return;
    }
    connection.noteGoodMessage();
    this.#host.grant(connection, caller, grants.publish);
    connection.answer(encodeAuthorized(id, caller.expires));
  }
}

/** Reads a message, a long one in steps. Returns undefined if its connection is closed already. */
function* read(connection: Connection, frame: string | ArrayBuffer): Generator<number, ReadMessage | undefined> {
  if (!connection.isOpen) return undefined;
  const payload = payloadOf(connection, frame);
  const decoded = payload === undefined ? BINARY : yield* decodeClientMessage(payload);
  if (!decoded.ok || decoded.message.type !== "publish") return { decoded, updates: undefined };
  return { decoded, updates: yield* decodeUpdatesInSteps(decoded.message.updates) };
}

const BINARY: DecodedMessage = {
  ok: false,
  id: undefined,
  code: "invalid_message",
  reason: "binary frames are not part of tickertape.v1",
};

/** What to decode of a frame; undefined if it is binary and the connection speaks JSON. */
function payloadOf({ format }: Connection, frame: string | ArrayBuffer): string | Uint8Array | undefined {
  if (typeof frame === "string") return frame;
  return format === "msgpack" ? new Uint8Array(frame) : undefined;
}
