import * as v from "valibot";
import { MODES, type Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { selectionOfId } from "../protocol/selection.ts";

/** What the HTTP side has checked of an upgrade and hands to the feed's object with it. */
export interface SubscribeRequest {
  readonly subscription: Subscription;
  readonly since: Position | undefined;
  /** Who publishes over the socket; none where it may not. */
  readonly publisher: string | undefined;
  /** When the credential ends, in milliseconds since 1970; none where it does not. */
  readonly expires: number | undefined;
  /** Where the subscriber is counted as coming from; none where it is not counted. */
  readonly address: string | undefined;
  /** The subprotocol to name in the answer, where the client offered any. */
  readonly protocol: string | undefined;
}

/** The object is reached by this Worker alone, so that the header is never a client's. */
const HEADER = "x-tickertape-subscribe";

const wireSchema = v.object({
  selection: v.string(),
  mode: v.picklist(MODES),
  hz: v.optional(v.number()),
  since: v.optional(v.object({ epoch: v.string(), seq: v.number() })),
  publisher: v.optional(v.string()),
  expires: v.optional(v.number()),
  address: v.optional(v.string()),
  protocol: v.optional(v.string()),
});

/** The upgrade as it is sent on to the feed's object. */
export function subscribeUpgrade({ subscription, ...asked }: SubscribeRequest): Request {
  const { selection, mode, hz } = subscription;
  const wire = { selection: selection.id, mode, hz, ...asked };
  // Header values are bytes; keys may be any Unicode.
  const value = encodeURIComponent(JSON.stringify(wire));
  return new Request("https://feed/", { headers: { Upgrade: "websocket", [HEADER]: value } });
}

/** Reads it back; nothing where the request did not come from `subscribeUpgrade`. */
export function readSubscribeUpgrade(request: Request): SubscribeRequest | undefined {
  const value = request.headers.get(HEADER);
  if (value === null || request.headers.get("Upgrade")?.toLowerCase() !== "websocket") return undefined;
  const wire = v.parse(wireSchema, JSON.parse(decodeURIComponent(value)));
  const { selection, mode, hz, since, publisher, expires, address, protocol } = wire;
  const subscription = { selection: selectionOfId(selection), mode, hz };
  return { subscription, since, publisher, expires, address, protocol };
}
