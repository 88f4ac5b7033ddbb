import * as v from "valibot";
import type { CountedCaller } from "../../limits/places.ts";
import { MODES } from "../../protocol/codes.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import type { Position } from "../../protocol/position.ts";
import { selectionOfId } from "../../protocol/selection.ts";

/** What the HTTP side has checked of an upgrade and hands to the feed's object with it. */
export interface SubscribeRequest {
  readonly subscription: Subscription;
  readonly since: Position | undefined;
  readonly caller: CountedCaller;
  /** Whether it may publish over the socket. */
  readonly publishes: boolean;
  /** When the credential ends, in milliseconds since 1970; none where it does not. */
  readonly expires: number | undefined;
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
  clientIp: v.optional(v.string()),
  kind: v.picklist(["anonymous", "key", "token"]),
  credential: v.optional(v.string()),
  publishes: v.boolean(),
  expires: v.optional(v.number()),
  protocol: v.optional(v.string()),
});

/** The upgrade as it is sent on to the feed's object. */
export function subscribeUpgrade({ subscription, caller, ...asked }: SubscribeRequest): Request {
  const { selection, mode, hz } = subscription;
  const wire = { selection: selection.id, mode, hz, ...caller, ...asked };
  // Header values are bytes; keys may be any Unicode.
  const value = encodeURIComponent(JSON.stringify(wire));
  return new Request("https://feed/", { headers: { Upgrade: "websocket", [HEADER]: value } });
}

/** Reads it back; nothing where the request did not come from `subscribeUpgrade`. */
export function readSubscribeUpgrade(request: Request): SubscribeRequest | undefined {
  const value = request.headers.get(HEADER);
  if (value === null || request.headers.get("Upgrade")?.toLowerCase() !== "websocket") return undefined;
  const wire = v.parse(wireSchema, JSON.parse(decodeURIComponent(value)));
  const { selection, mode, hz, since, clientIp, kind, credential, publishes, expires, protocol } = wire;
  const subscription = { selection: selectionOfId(selection), mode, hz };
  return { subscription, since, caller: { clientIp, kind, credential }, publishes, expires, protocol };
}
