import { parsePosition } from "../protocol/position.ts";

/** A comment: it keeps the line open and is seen by nobody. */
export const HEARTBEAT = ":\n\n";

/** How long a client waits before it comes back, in milliseconds. */
export function retryLine(ms: number): string {
  return `retry: ${Math.round(ms)}\n\n`;
}

const HEAD = /^\{"type":"([a-z]+)"/;
const EPOCH = /"epoch":"([a-z0-9]+)"/;
const SEQ = /"seq":([0-9]+)/;
/** What stands before the entries or updates of a message of ours: no key or value can be in it. */
const HEAD_LENGTH = 160;
const MORE = ',"more":true}';

/**
 * Writes a feed's messages as events. Each has its type, and the position after it as its `id`; a part of a snapshot
 * has none, for a client that comes back must not stand in the middle of one, and neither has `hello`, which moves
 * nobody.
 */
export class EventWriter {
  #epoch = "";

  /** `message` is one as the feed writes it. */
  write(message: string): string {
    const head = message.slice(0, HEAD_LENGTH);
    const type = HEAD.exec(head)?.[1] ?? "message";
    const before = head.split(/"(?:entries|updates)":/, 1)[0] ?? "";
    this.#epoch = EPOCH.exec(before)?.[1] ?? this.#epoch;
    const seq = SEQ.exec(before)?.[1];
    const moves = seq !== undefined && (type === "update" || (type === "snapshot" && !message.endsWith(MORE)));
    return `event: ${type}\n${moves ? `id: ${this.#epoch}:${seq}\n` : ""}data: ${message}\n\n`;
  }

  /** The `seq` that a message tells of, if any. */
  static seqOf(message: string): number | undefined {
    const before = message.slice(0, HEAD_LENGTH).split(/"(?:entries|updates)":/, 1)[0] ?? "";
    const seq = SEQ.exec(before)?.[1];
    return seq === undefined ? undefined : Number(seq);
  }
}

/** The position in `Last-Event-ID`. One that is not a position of ours is none: the client gets a snapshot. */
export function lastEventPosition(request: Request): ReturnType<typeof parsePosition> | "none" {
  const id = request.headers.get("Last-Event-ID");
  return id === null || id === "" ? "none" : parsePosition(id);
}
