import type { Feed } from "../feed/feed.ts";
import type { Log } from "../feed/record.ts";
import { joinBatches, resume } from "../feed/resume.ts";
import { snapshotEntries } from "../feed/snapshot.ts";
import { encodeSnapshotPart, encodeUpdateMessage, type Mode } from "../protocol/messages.ts";
import { formatPosition, type Position } from "../protocol/position.ts";
import { selectionOfId } from "../protocol/selection.ts";

/** What a reader over HTTP asks for. */
export interface ReadRequest {
  /** A selection's id. */
  readonly selection: string;
  readonly mode: Mode;
  /** Only what changed after this. */
  readonly since: Position | undefined;
  /** Positions whose whole state the reader has, or `*`: at one of them it is told so and nothing more. */
  readonly known: readonly string[];
}

export interface ReadOutcome {
  readonly position: string;
  /** JSON; nothing where the reader knows it already. */
  readonly body: string | undefined;
  /** Whether the body tells of nothing: there was a `since`, and nothing has changed. */
  readonly isEmpty: boolean;
}

export interface FeedStats extends Position {
  readonly feed: string;
  /** Whether it was ever published to. */
  readonly exists: boolean;
  readonly keys: number;
  readonly subscribers: number;
  /** Subscribers that do not take what they are sent, and are waited for. */
  readonly lagging: number;
  /** When the last update was accepted, in milliseconds since 1970; 0 before the first. */
  readonly time: number;
  /** Bytes of storage in use. */
  readonly storage: number;
  /** When the object came into memory, in milliseconds since 1970: later each time that it has hibernated. */
  readonly started: number;
}

/** The entries of a selection, or what changed in it. */
export function read(name: string, feed: Feed, log: Log, request: ReadRequest): ReadOutcome {
  const { mode, since, known } = request;
  const position = formatPosition(feed.position);
  if (known.includes(position) || known.includes("*")) return { position, body: undefined, isEmpty: true };
  const selection = selectionOfId(request.selection);
  if (!since) {
    const head = JSON.stringify({ feed: name, ...feed.position }).slice(0, -1);
    return { position, body: `${head},"entries":{${snapshotEntries(feed, selection)}}}`, isEmpty: false };
  }
  const catchUp = resume(feed, log, { selection, mode, hz: undefined }, since);
  if (catchUp.kind === "updates") {
    const message = joinBatches(catchUp.batches);
    return { position, body: encodeUpdateMessage(message), isEmpty: message.updates.length === 0 };
  }
  const body = encodeSnapshotPart(feed.position, catchUp.reason, snapshotEntries(feed, selection), false, undefined);
  return { position, body, isEmpty: false };
}
