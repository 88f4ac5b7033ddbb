import { WHY_INVALID, type Access, type Caller } from "../../access/access.ts";
import type { FairQueue } from "../../limits/fair-queue.ts";
import { PUBLISH_WEIGHT, type Quotas } from "../../limits/quotas.ts";
import { TokenBuckets } from "../../limits/token-bucket.ts";
import { memoryOf } from "../../feed/state/entry.ts";
import { CLOSE } from "../../protocol/codes.ts";
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
import { encodeAuthorized, encodeReceiptMessage } from "../../protocol/server-messages.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import { batchTooLarge } from "../../protocol/update.ts";
import { decodeUpdatesInSteps, type DecodedUpdates } from "../../protocol/update-decoding.ts";
import type { Connection } from "./connection.ts";
import type { PublishOutcome, PublishRequest } from "../live-feed.ts";

/** What a conversation needs of the feed's object. */
export interface SocketMessagesHost {
  readonly feed: string;
  readonly access: Access;
  readonly quotas: Quotas;
  /** Where long work waits for its turn. */
  readonly queue: FairQueue;
  /** Milliseconds that never go backwards. */
  now(): number;
  /** Takes what a publish of so many characters costs from what a publisher may; nothing where it may not. */
  allow(publisher: string, length: number): PublishOutcome | undefined;
  publish(request: PublishRequest, publisher: string): Promise<PublishOutcome>;
  /** Changes what a connection gets. Opens the feed. */
  subscribe(connection: Connection, subscription: Subscription, id: number | undefined): void;
  /** Replaces whose a connection is, what it may do, and for how long. */
  grant(connection: Connection, caller: Caller, publishes: boolean): void;
}

/** Characters or bytes of a message that count as one more message. */
const WEIGHT = 1024;

/** Of what an owner may say at once, what it has to have regained before it gets another socket. */
const RESTED = 1 / 10;

/** What clients say on their sockets. */
export class SocketMessages {
  readonly #host: SocketMessagesHost;
  readonly #owners: TokenBuckets;
  /** On whose account what a connection says waits, and how much of it does. */
  readonly #lines = new WeakMap<Connection, { readonly owner: string; waiting: number }>();

  constructor(host: SocketMessagesHost) {
    this.#host = host;
    this.#owners = new TokenBuckets(host.quotas.accountMessages);
  }

  /** Whether this owner has said so much that it is not to come back yet: it would be closed after a few words. */
  isTired(owner: string): boolean {
    return this.#owners.wait(owner, this.#host.now(), RESTED * this.#host.quotas.accountMessages.burst) > 0;
  }

  /** Answers one message of a client, now or when its turn has come. */
  async hear(connection: Connection, frame: string | ArrayBuffer): Promise<void> {
    if (typeof frame === "string" ? exceedsBytes(frame, LIMITS.batchBytes) : frame.byteLength > LIMITS.batchBytes) {
      connection.close(CLOSE.tooLarge, `a message may have ${LIMITS.batchBytes} bytes`);
      return;
    }
    const length = typeof frame === "string" ? frame.length : frame.byteLength;
    // Before it is read: what is not published may be long, and is not worth reading where there was too much of it.
    if (!connection.publishes && !this.#mayGoOn(connection, length / WEIGHT)) return;
    if (!connection.publishes && isLong(frame)) {
      const { id, code, reason } = tooLong();
      connection.refuse(id, code, reason);
      return;
    }
    const line = this.#lineOf(connection);
    line.waiting++;
    const size = typeof frame === "string" ? memoryOf(frame, isAscii(frame)) : length;
    const running = this.#host.queue.prepareAndRun(line.owner, size, read(connection, frame), (heard) => {
      line.waiting--;
      return this.#take(connection, heard, length);
    });
    if (typeof running !== "string") {
      await running;
      return;
    }
    line.waiting--;
    this.#turnAway(connection, frame, length, running);
  }

  /** While anything waits on one account, what comes after it does too, though the owner is another: it stays in order. */
  #lineOf(connection: Connection): { readonly owner: string; waiting: number } {
    const { account: owner } = connection;
    const known = this.#lines.get(connection);
    if (known && (known.waiting > 0 || known.owner === owner)) return known;
    const line = { owner, waiting: 0 };
    this.#lines.set(connection, line);
    return line;
  }

  async #take(connection: Connection, heard: Heard | undefined, length: number): Promise<void> {
    // It may have waited, and been closed meanwhile.
    if (!heard || !connection.isOpen) return;
    const { decoded, updates } = heard;
    if (connection.publishes) {
      const publishes = decoded.ok && decoded.message.type === "publish";
      if (!publishes && !this.#mayGoOn(connection, length / WEIGHT)) return;
    }
    if (!decoded.ok) connection.refuse(decoded.id, decoded.code, decoded.reason);
    else if (decoded.message.type === "publish") await this.#publish(connection, decoded.message.id, updates, length);
    else await this.#answer(connection, decoded.message);
  }

  /** Refuses a message that finds no room to wait. */
  #turnAway(connection: Connection, frame: string | ArrayBuffer, length: number, code: "rate_limited" | "overloaded") {
    if (connection.publishes && !this.#mayGoOn(connection, length / PUBLISH_WEIGHT)) return;
    const id = connection.packed || typeof frame === "string" ? sentIdOf(textOrBytes(frame)) : undefined;
    connection.refuse(id, code, "too much is waiting to be done: send it later");
  }

  /**
   * Takes what a message costs from what its connection may say, and from what all of the same owner may. One that goes
   * on beyond either is closed.
   */
  #mayGoOn(connection: Connection, weight: number): boolean {
    const now = this.#host.now();
    const tokens = 1 + weight;
    const isInTime =
      connection.spend(tokens, this.#host.quotas.messages, now) &&
      this.#owners.take(connection.account, now, tokens) === 0;
    if (!isInTime) connection.flood();
    return isInTime;
  }

  async #answer(connection: Connection, message: Exclude<ClientMessage, { type: "publish" }>): Promise<void> {
    switch (message.type) {
      case "subscribe":
        connection.heard();
        this.#host.subscribe(connection, message.subscription, message.id);
        return;
      case "auth":
        await this.#authorize(connection, message);
        return;
      case "ack":
        connection.heard();
        connection.acknowledge(message.seq, message.bytes);
        return;
    }
  }

  async #authorize(connection: Connection, { id, token }: Extract<ClientMessage, { type: "auth" }>): Promise<void> {
    const caller = await this.#host.access.identify(token);
    // It may have gone meanwhile, and given its place back.
    if (!connection.isOpen) return;
    if (caller === "unavailable") {
      connection.refuse(id, "overloaded", "the credential cannot be checked now: try again");
      return;
    }
    if (typeof caller === "string") {
      connection.close(CLOSE.unauthorized, WHY_INVALID[caller]);
      return;
    }
    const grants = caller.on(this.#host.feed);
    if (!grants.subscribe) {
      connection.close(CLOSE.forbidden, "the credential does not allow to subscribe to this feed");
      return;
    }
    connection.heard();
    this.#host.grant(connection, caller, grants.publish);
    connection.answer(encodeAuthorized(id, caller.expires));
  }

  async #publish(
    connection: Connection,
    id: number | undefined,
    updates: DecodedUpdates | undefined,
    length: number,
  ): Promise<void> {
    const { publishes, account: owner } = connection;
    if (!publishes || !updates) {
      connection.refuse(id, "forbidden", "this socket's credential does not allow publishing to this feed");
      return;
    }
    let outcome: PublishOutcome;
    try {
      outcome = this.#host.allow(owner, length) ?? (await this.#admit(connection, updates));
    } catch (error) {
      connection.refuse(id, "outcome_unknown", "the feed broke off: this may have been published or not");
      throw error;
    }
    if (outcome.ok) {
      connection.answer(encodeReceiptMessage(id, outcome.receipt));
      return;
    }
    // What was refused cost as much as what is taken, and is no part of what its publisher may: it counts as said.
    if (outcome.code !== "feed_full" && !this.#mayGoOn(connection, length / PUBLISH_WEIGHT)) return;
    connection.refuse(id, outcome.code, outcome.detail ?? "no update of the batch was accepted", outcome.issues);
  }

  async #admit(connection: Connection, decoded: DecodedUpdates): Promise<PublishOutcome> {
    if (!decoded.ok) return { ok: false, code: "invalid_update", issues: decoded.issues };
    if (batchTooLarge(decoded.updates)) return { ok: false, code: "too_large", detail: "the batch is too large" };
    connection.heard();
    return this.#host.publish({ updates: decoded.updates }, connection.account);
  }
}

/** A message as it was heard, with its updates where it publishes. */
interface Heard {
  readonly decoded: DecodedMessage;
  readonly updates: DecodedUpdates | undefined;
}

/** Reads a message, a piece at a time where it is long. Nothing where its connection has been closed before. */
function* read(connection: Connection, frame: string | ArrayBuffer): Generator<number, Heard | undefined> {
  if (!connection.isOpen) return undefined;
  const decoded = yield* decode(connection, frame);
  if (!decoded.ok || decoded.message.type !== "publish") return { decoded, updates: undefined };
  return { decoded, updates: yield* decodeUpdatesInSteps(decoded.message.updates) };
}

function* decode(connection: Connection, frame: string | ArrayBuffer): Generator<number, DecodedMessage> {
  if (connection.packed || typeof frame === "string") return yield* decodeClientMessage(textOrBytes(frame));
  const reason = "binary frames are not part of tickertape.v1";
  return { ok: false, id: undefined, code: "invalid_message", reason };
}

function textOrBytes(frame: string | ArrayBuffer): string | Uint8Array {
  return typeof frame === "string" ? frame : new Uint8Array(frame);
}
