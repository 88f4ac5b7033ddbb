import { principalOf } from "../../access/access.ts";
import { PUBLISH_WEIGHT } from "../../limits/quotas.ts";
import type { ClientMessage } from "../../protocol/client-messages.ts";
import type { ProblemCode } from "../../protocol/codes.ts";
import { encodeReceiptMessage } from "../../protocol/server-messages.ts";
import { SESSION_REFUSALS } from "../../protocol/session-key.ts";
import { batchTooLarge, type EncodedUpdates } from "../../protocol/update.ts";
import type { DecodedUpdates } from "../../protocol/update-decoding.ts";
import type { PublishOutcome, PublishQueue, PublishRefusal, PublishRequest } from "../requests/publish-queue.ts";
import type { Connection } from "./connection.ts";

/** What publishes over sockets need of the feed's object. */
export interface SocketPublishesHost {
  readonly publishes: PublishQueue;
  /** Accepts a batch whose turn has come. */
  accept(request: PublishRequest, account: string): Promise<PublishOutcome>;
}

type PublishMessage = Extract<ClientMessage, { type: "publish" }>;

/** Refusals that took from the rate of publishes, and of what did nothing wrong by itself. */
const UNCHARGED: ReadonlySet<ProblemCode> = new Set(["feed_full", ...SESSION_REFUSALS]);

/** Takes the `publish` messages of sockets, and answers them. */
export class SocketPublishes {
  readonly #host: SocketPublishesHost;
  readonly #charge: (connection: Connection, weight: number) => boolean;

  /** `charge` takes what a message of a weight costs, and closes the connection if it has too few tokens. */
  constructor(host: SocketPublishesHost, charge: (connection: Connection, weight: number) => boolean) {
    this.#host = host;
    this.#charge = charge;
  }

  /** `length`: of the message, in characters or bytes. */
  async take(
    connection: Connection,
    { id, idempotencyKey }: PublishMessage,
    updates: DecodedUpdates | undefined,
    length: number,
  ): Promise<void> {
    const { publishes, account } = connection;
    if (!publishes || !updates) {
      connection.refuse(id, "forbidden", "this socket's credential does not allow publishing to this feed");
      return;
    }
    // At once: bad messages are counted in the order in which they came, and a good one may be right behind this one.
    const limited = this.#host.publishes.charge(account, length);
    if (limited) this.#refuse(connection, id, limited, length);
    else if (!updates.ok)
      this.#refuse(connection, id, { ok: false, code: "invalid_update", issues: updates.issues }, length);
    else if (batchTooLarge(updates.updates))
      this.#refuse(connection, id, { ok: false, code: "too_large", detail: "the batch is too large" }, length);
    else {
      connection.noteGoodMessage();
      const outcome = await this.#accept(connection, id, updates.updates, idempotencyKey);
      if (outcome.ok) connection.answer(encodeReceiptMessage(id, outcome.receipt, outcome.replayed));
      else this.#refuse(connection, id, outcome, length);
    }
  }

  async #accept(
    connection: Connection,
    id: number | undefined,
    updates: EncodedUpdates,
    key: string | undefined,
  ): Promise<PublishOutcome> {
    const { credential = "", kind, subject } = connection.caller;
    const publisher = { credential, principal: principalOf(kind, credential) };
    const idempotency = key === undefined ? undefined : { key, digest: "", ...publisher };
    try {
      return await this.#host.accept({ updates, idempotency, subject }, connection.account);
    } catch (error) {
      connection.refuse(id, "outcome_unknown", "the feed broke off: this may have been published or not");
      throw error;
    }
  }

  #refuse(
    connection: Connection,
    id: number | undefined,
    { code, detail = "no update of the batch was accepted", issues, retryAfter }: PublishRefusal,
    length: number,
  ): void {
    // A refused batch cost as much time as an accepted one, and is not limited by the rate of publishes: it counts as a
    // message.
    if (!UNCHARGED.has(code) && !this.#charge(connection, length / PUBLISH_WEIGHT)) return;
    connection.refuse(id, code, detail, { issues, retryAfter });
  }
}
