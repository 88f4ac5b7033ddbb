import type { HistoryAnswer, SnapshotAnswer, StatsAnswer } from "../protocol/answers.ts";
import type { SnapshotMessage, UpdateMessage } from "../protocol/server-messages.ts";
import { formatPosition, parsePosition, type Position } from "../protocol/position.ts";
import { emptyResponse, jsonResponse, knownTags, REVALIDATE } from "./responses.ts";

/** The position of a feed that does not exist, in answers over HTTP. The view at any `epoch:0` is empty. */
const NOWHERE: Position = { epoch: "nothingyet", seq: 0 };

/** `GET` of a feed that does not exist. `waits`: a reader that waits for a change gets no body if nothing has changed. */
export function emptySnapshot(feed: string, request: Request, since: Position | undefined, waits: boolean): Response {
  const tags = knownTags(request);
  const position = since ?? tags.map(parsePosition).find((position) => position?.seq === 0);
  const isUnchanged = position?.seq === 0;
  const headers = {
    ETag: `"${formatPosition(isUnchanged ? position : NOWHERE)}"`,
    "Cache-Control": REVALIDATE,
    Vary: "Accept",
  };
  if (since) {
    if (isUnchanged && waits) return emptyResponse(204, headers);
    const update: UpdateMessage = { type: "update", from: 0, seq: 0, time: 0, updates: [] };
    const snapshot: SnapshotMessage = { type: "snapshot", ...NOWHERE, time: 0, reason: "epoch_changed", entries: {} };
    return jsonResponse(isUnchanged ? update : snapshot, headers);
  }
  if (isUnchanged || tags.includes("*")) return emptyResponse(304, headers);
  return jsonResponse({ feed, ...NOWHERE, time: 0, entries: {} } satisfies SnapshotAnswer, headers);
}

/** `GET` of the history of a feed that does not exist. */
export function emptyHistory(feed: string, key: string): Response {
  const body: HistoryAnswer = { feed, epoch: NOWHERE.epoch, key, updates: [], more: false };
  return jsonResponse(body, { "Cache-Control": REVALIDATE });
}

/** `GET` of the figures of a feed that does not exist. */
export function emptyStats(feed: string): Response {
  const zeros = { keys: 0, subscribers: 0, lagging: 0, replicas: [], time: 0, storage: 0, started: 0 };
  return jsonResponse({ feed, ...NOWHERE, ...zeros } satisfies StatsAnswer, { "Cache-Control": REVALIDATE });
}
