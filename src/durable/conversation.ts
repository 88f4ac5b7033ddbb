import type { Access } from "../access/access.ts";
import type { Rate } from "../access/quotas.ts";
import { CLOSE } from "../protocol/codes.ts";
import { decodeClientMessage, type ClientMessage } from "../protocol/client-messages.ts";
import { exceedsBytes } from "../protocol/json.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeAuthorized, encodeReceiptMessage } from "../protocol/messages.ts";
import { batchTooLarge, decodeUpdates } from "../protocol/update.ts";
import type { Connection } from "./connection.ts";
import type { PublishOutcome, PublishRequest } from "./live-feed.ts";

export interface Conversation {
  readonly feed: string;
  readonly access: Access;
  /** How often a socket may say anything but what it publishes. */
  readonly messages: Rate;
  publish(request: PublishRequest, publisher: string): Promise<PublishOutcome>;
  /** Writes what waits to be written, before anything is shown. */
  settle(): void;
  /** Sees to it that connections whose credential has ended by then are closed. Milliseconds since 1970. */
  expireBy(at: number): void;
}

/** Answers one message of a client. */
export async function converse(
  conversation: Conversation,
  connection: Connection,
  frame: string | ArrayBuffer,
): Promise<void> {
  if (typeof frame === "string" ? exceedsBytes(frame, LIMITS.batchBytes) : frame.byteLength > LIMITS.batchBytes) {
    connection.close(CLOSE.tooLarge, `a message may have ${LIMITS.batchBytes} bytes`);
    return;
  }
  if (typeof frame !== "string" && !connection.packed) {
    connection.refuse(undefined, "invalid_message", "binary frames are not part of tickertape.v1");
    return;
  }
  const decoded = decodeClientMessage(typeof frame === "string" ? frame : new Uint8Array(frame));
  // What is published is held to the publisher's own rate.
  const publishes = connection.publisher !== undefined && decoded.ok && decoded.message.type === "publish";
  if (!publishes && connection.floods(conversation.messages, Date.now())) return;
  if (decoded.ok) await answer(conversation, connection, decoded.message);
  else connection.refuse(decoded.id, decoded.code, decoded.reason);
}

async function answer(conversation: Conversation, connection: Connection, message: ClientMessage): Promise<void> {
  switch (message.type) {
    case "subscribe":
      connection.heard();
      conversation.settle();
      connection.resubscribe(message.subscription, message.id);
      return;
    case "publish":
      await publish(conversation, connection, message);
      return;
    case "auth": {
      const caller = await conversation.access.identify(message.token);
      if (caller === "invalid") {
        connection.close(CLOSE.unauthorized, "the credential is not valid");
        return;
      }
      if (caller === "unavailable") {
        connection.refuse(message.id, "overloaded", "the credential cannot be checked now: try again");
        return;
      }
      const grants = caller.on(conversation.feed);
      if (!grants.subscribe) {
        connection.close(CLOSE.forbidden, "the credential does not allow to subscribe to this feed");
        return;
      }
      connection.heard();
      connection.grant(grants.publish ? caller.id : undefined, caller.expires);
      if (caller.expires !== undefined) conversation.expireBy(caller.expires);
      connection.answer(encodeAuthorized(message.id, caller.expires));
      return;
    }
    case "ack":
      connection.heard();
      connection.acknowledge(message.seq);
      return;
  }
}

async function publish(
  conversation: Conversation,
  connection: Connection,
  { id, updates }: Extract<ClientMessage, { type: "publish" }>,
): Promise<void> {
  const { publisher } = connection;
  if (publisher === undefined) {
    connection.refuse(id, "forbidden", "this socket's credential does not allow publishing to this feed");
    return;
  }
  const decoded = decodeUpdates(updates);
  if (!decoded.ok) {
    connection.refuse(id, "invalid_update", "no update of the batch was accepted", decoded.issues);
    return;
  }
  if (batchTooLarge(decoded.updates)) {
    connection.refuse(id, "too_large", "the batch is too large");
    return;
  }
  connection.heard();
  let outcome: PublishOutcome;
  try {
    outcome = await conversation.publish({ updates: decoded.updates }, publisher);
  } catch (error) {
    connection.refuse(id, "outcome_unknown", "the feed broke off: this may have been published or not");
    throw error;
  }
  if (outcome.ok) connection.answer(encodeReceiptMessage(id, outcome.receipt));
  else connection.refuse(id, outcome.code, outcome.detail ?? "no update of the batch was accepted", outcome.issues);
}
