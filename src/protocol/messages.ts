import type { MessageErrorCode, UpdateIssue } from "./codes.ts";
import type { Position } from "./position.ts";
import type { Selection } from "./selection.ts";

export const PROTOCOL = "tickertape.v1";

/** `latest`: what waits together is merged per key. `all`: every update, in order. */
export const MODES = ["latest", "all"] as const;
export type Mode = (typeof MODES)[number];

/** Why a subscriber gets a snapshot and not the updates since its position. */
export type SnapshotReason =
  | "initial"
  | "epoch_changed"
  | "position_expired"
  | "position_ahead"
  | "lagging"
  | "subscribe"
  | "reset";

export interface Receipt {
  epoch: string;
  /** The feed's seq after the batch. */
  seq: number;
  accepted: number;
  stale: number;
}

/** What a subscriber may ask for, from the query or from a `subscribe` message. */
export interface Subscription {
  selection: Selection;
  mode: Mode;
  /** At most so many messages a second; none given means as often as the server flushes. */
  hz: number | undefined;
}

/** What a feed is at some moment. */
export interface Moment extends Position {
  /** When it last changed, in milliseconds since 1970; 0 before its first update. */
  readonly time: number;
}

export function encodeHello(feed: string, { epoch, seq, time }: Moment): string {
  return JSON.stringify({ type: "hello", protocol: PROTOCOL, feed, epoch, seq, time });
}

/** One part of a snapshot. `entries` is the inside of a JSON object: members, already written. */
export function encodeSnapshotPart(
  { epoch, seq, time }: Moment,
  reason: SnapshotReason,
  entries: string,
  more: boolean,
  id: number | undefined,
): string {
  const idText = id === undefined ? "" : `,"id":${id}`;
  return `{"type":"snapshot"${idText},"epoch":"${epoch}","seq":${seq},"time":${time},"reason":"${reason}","entries":{${entries}}${more ? `,"more":true` : ""}}`;
}

/** An update message: `updates` are already written, so that one encoding serves all who get them. */
export function encodeUpdateMessage(message: {
  from: number;
  seq: number;
  time: number;
  updates: readonly string[];
  skipped: number;
}): string {
  const skipped = message.skipped > 0 ? `,"skipped":${message.skipped}` : "";
  return `{"type":"update","from":${message.from},"seq":${message.seq},"time":${message.time}${skipped},"updates":[${message.updates.join(",")}]}`;
}

/** The answer to a POST. */
export function encodeReceipt(feed: string, { epoch, seq, accepted, stale }: Receipt): string {
  return `{"feed":"${feed}","epoch":"${epoch}","seq":${seq},"accepted":${accepted},"stale":${stale}}`;
}

export function encodeReceiptMessage(id: number | undefined, receipt: Receipt): string {
  return JSON.stringify({ type: "receipt", id, ...receipt });
}

export function encodeAuthorized(id: number | undefined, expires: number | undefined): string {
  return JSON.stringify({ type: "authorized", id, expires });
}

export function encodeError(
  id: number | undefined,
  code: MessageErrorCode,
  message: string,
  issues?: readonly UpdateIssue[],
): string {
  return JSON.stringify({ type: "error", id, code, message, issues });
}
