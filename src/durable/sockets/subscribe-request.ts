import * as v from "valibot";
import { CALLER_KINDS } from "../../access/access.ts";
import type { CountedCaller } from "../../limits/places.ts";
import { REGIONS, type Region } from "../../placement/regions.ts";
import { MODES, PROBLEMS, type NoRoom } from "../../protocol/codes.ts";
import type { Position } from "../../protocol/position.ts";
import { restoreSelection, type Subscription } from "../../protocol/selection.ts";
import type { SocketState } from "./attachment.ts";
import { SOCKET_FORMATS } from "./frames.ts";

/** What the HTTP side has checked of an upgrade, and hands to the feed's object with it. */
export interface SubscribeRequest extends Omit<SocketState, "position" | "subscription"> {
  readonly subscription: Subscription;
  readonly since: Position | undefined;
  /** The subprotocol to name in the answer; undefined if the client offered none. */
  readonly protocol: string | undefined;
  /** Where the caller is; undefined if there are no replicas. */
  readonly region: Region | undefined;
  /** Whether there is no other object to ask. */
  readonly isLast: boolean;
}

/** The same of a socket that only publishes. */
export interface PublisherRequest extends Pick<SocketState, "caller" | "expires" | "format"> {
  readonly protocol: string | undefined;
}

/** Only this Worker reaches the object, so that the headers never come from a client. */
const HEADER = "x-tickertape-subscribe";
/** Another, so that an object of a version that knows only subscribers makes none of it. */
const PUBLISHER_HEADER = "x-tickertape-publish";

const callerSchema = {
  clientIp: v.optional(v.string()),
  kind: v.picklist(CALLER_KINDS),
  credential: v.optional(v.string()),
  subject: v.optional(v.string()),
};
const publisherSchema = v.object({
  ...callerSchema,
  expires: v.optional(v.number()),
  format: v.picklist(SOCKET_FORMATS),
  protocol: v.optional(v.string()),
});
const wireSchema = v.object({
  ...callerSchema,
  selection: v.string(),
  // Versions without it want all fields.
  fields: v.optional(v.string()),
  mode: v.picklist(MODES),
  hz: v.optional(v.number()),
  since: v.optional(v.object({ epoch: v.string(), seq: v.number() })),
  publishes: v.boolean(),
  expires: v.optional(v.number()),
  format: v.picklist(SOCKET_FORMATS),
  protocol: v.optional(v.string()),
  region: v.optional(v.picklist(REGIONS)),
  // Versions without replicas ask no other object.
  isLast: v.optional(v.boolean(), true),
});

/** The upgrade as it is sent to the feed's object. */
export function subscribeUpgrade({ subscription, caller, ...asked }: SubscribeRequest): Request {
  const { selection, mode, hz } = subscription;
  const wire = { selection: selection.patterns, fields: selection.fields?.id, mode, hz, ...caller, ...asked };
  return upgradeWith(HEADER, wire);
}

export function publisherUpgrade({ caller, ...asked }: PublisherRequest): Request {
  return upgradeWith(PUBLISHER_HEADER, { ...caller, ...asked });
}

function upgradeWith(header: string, wire: object): Request {
  // Header values are bytes; keys may be any Unicode.
  const value = encodeURIComponent(JSON.stringify(wire));
  return new Request("https://feed/", { headers: { Upgrade: "websocket", [header]: value } });
}

/** Reads it back; undefined if the request did not come from `subscribeUpgrade`. */
export function readSubscribeUpgrade(request: Request): SubscribeRequest | undefined {
  const wire = readUpgrade(request, HEADER, wireSchema);
  if (!wire) return undefined;
  const { selection, fields, mode, hz, since, publishes, expires, format, protocol, region, isLast } = wire;
  const subscription = { selection: restoreSelection(selection, fields), mode, hz };
  return { subscription, since, caller: callerOf(wire), publishes, expires, format, protocol, region, isLast };
}

/** The same of `publisherUpgrade`. */
export function readPublisherUpgrade(request: Request): PublisherRequest | undefined {
  const wire = readUpgrade(request, PUBLISHER_HEADER, publisherSchema);
  if (!wire) return undefined;
  const { expires, format, protocol } = wire;
  return { caller: callerOf(wire), expires, format, protocol };
}

function callerOf({ clientIp, kind, credential, subject }: v.InferOutput<typeof publisherSchema>): CountedCaller {
  return { clientIp, kind, credential, subject };
}

function readUpgrade<T>(request: Request, header: string, schema: v.GenericSchema<unknown, T>): T | undefined {
  const value = request.headers.get(header);
  if (value === null || request.headers.get("Upgrade")?.toLowerCase() !== "websocket") return undefined;
  return v.parse(schema, JSON.parse(decodeURIComponent(value)));
}

/** Why an upgrade is refused for which there is no place. */
export const NO_PLACE: Readonly<Record<NoRoom, string>> = {
  rate_limited: "The feed has as many subscribers of this caller's as it takes.",
  overloaded: "The feed has as many subscribers as it takes.",
};
/** Why an upgrade is refused to an account whose other sockets have sent too much. */
export const TOO_MANY_MESSAGES = "Too many messages came over the other sockets of this address or credential.";
/** Why an upgrade is refused whose selection there is no room for. */
export const NO_ROOM_FOR_SELECTION: Readonly<Record<NoRoom, string>> = {
  rate_limited:
    "Your subscribers select as many keys, prefixes and fields as they may. Select fewer, or what others select too.",
  overloaded:
    "The feed's subscribers select as many keys, prefixes and fields as it looks for. Select fewer, or what others do.",
};

/** The leader's plan, on its answer to an upgrade; only this Worker sees it. */
export const PLAN_HEADER = "x-tickertape-plan";
/** The leader's answer to a subscriber that a replica should serve. */
export const ELSEWHERE = 421;

export function refuseUpgrade(code: NoRoom, why: string): Response {
  return new Response(why, { status: PROBLEMS[code].status });
}
