import type { ReadOutcome, ReadRequest } from "../durable/requests/reads.ts";
import { accountOf } from "../limits/places.ts";
import { CLOSE } from "../protocol/codes.ts";
import { keyProblem } from "../protocol/names.ts";
import { beforeSchema, historyLimitSchema, waitSchema } from "../protocol/parameters.ts";
import { parsePosition, type Position } from "../protocol/position.ts";
import { readEncodedUpdate } from "../protocol/update.ts";
import { decodePlan } from "../placement/plan-text.ts";
import { countedByOne, countedCaller } from "./authentication.ts";
import type { AppContext } from "./context.ts";
import { acceptFeedSocket, askerOf } from "./feed-socket.ts";
import { emptyHistory, emptySnapshot, emptyStats } from "./missing-feed.ts";
import { Problem } from "./problem.ts";
import { parameter, readNumber, readSubscribeQuery, type SubscribeQuery } from "./query.ts";
import { emptyResponse, jsonResponse, knownTags, REVALIDATE } from "./responses.ts";

/** `GET /v1/feeds/{feed}`: a snapshot; with `since` the changes; with `wait` as well, as soon as there is one. */
export async function snapshot(c: AppContext): Promise<Response> {
  const { caller, feed, knownFeeds, query } = c.var;
  const { raw: request } = c.req;
  const asked = readSubscribeQuery(query);
  const { since, subscription } = asked;
  const wait = readNumber(query, "wait", waitSchema) ?? 0;
  const isHead = request.method === "HEAD";
  const waits = since !== undefined && query.has("wait") && !isHead;
  const counted = countedByOne(caller, request);
  // A reader that waits is a subscriber, and a subscriber needs the object.
  if (waits && wait > 0) await knownFeeds.demandVisit(feed, counted);
  else if (!(await knownFeeds.exists(feed))) return emptySnapshot(feed, request, since, waits);
  const readRequest: ReadRequest = {
    selection: subscription.selection.patterns,
    fields: subscription.selection.fields?.id,
    mode: subscription.mode,
    since,
    // With `since` the response is about the changes from there, and is never left out.
    known: since ? [] : knownTags(request),
    caller: counted,
  };
  let outcome = await read(c, readRequest);
  // Read again: the message that ended the wait may hold only a part of the changes since `since`.
  if (waits && wait > 0 && outcome.isEmpty && (await awaitChange(c, asked, wait * 1000))) {
    outcome = await read(c, readRequest);
  }
  const { position, body, isEmpty } = outcome;
  const hasBody = body !== undefined && !(waits && isEmpty);
  const isShared = hasBody && caller.kind === "anonymous" && isFrom(since, position);
  const headers = {
    ETag: `"${position}"`,
    "Cache-Control": isShared ? SHARED : REVALIDATE,
    // The same URL also serves streams of events.
    Vary: "Accept",
  };
  if (!hasBody) return emptyResponse(body === undefined ? 304 : 204, headers);
  if (!isHead || typeof body === "string") return jsonResponse(body, headers);
  await body.cancel();
  return jsonResponse("", headers);
}

async function read(c: AppContext, request: ReadRequest): Promise<ReadOutcome> {
  const { feed, plans } = c.var;
  const outcome = await plans.serve(feed, askerOf(c, countedCaller(c.var.caller, c.req.raw)), async ({ object }) => {
    const outcome = await object.read(request);
    return { served: outcome, plan: outcome && decodePlan(outcome.plan ?? "") };
  });
  if (outcome) return outcome;
  throw new Problem("overloaded", "Too much of the feed is read at once.", { retryAfter: 2 });
}

/**
 * Waits until something that the caller selects changes after `asked.since`, or for so many milliseconds. Returns whether
 * it may have changed. Waits on a socket to the feed's object, which can hibernate meanwhile.
 */
async function awaitChange(c: AppContext, asked: SubscribeQuery, ms: number): Promise<boolean> {
  const socket = await acceptFeedSocket(c, asked, "signal");
  try {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      const stop = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      socket.addEventListener("message", stop);
      // Whatever ended it, the next read tells what has changed.
      socket.addEventListener("close", stop);
      // The client is gone and waits no longer: its place becomes free.
      const { signal } = c.req.raw;
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
    });
  } finally {
    socket.close(CLOSE.normal);
  }
}

/**
 * Readers that poll ask from their own position on, and many of them are at the same one. A shared cache may give all of
 * them the response to the first, for a second: it continues from that position, so that no reader goes back.
 */
const SHARED = "public, max-age=0, s-maxage=1";

/** Whether a response continues from `since`; not if the feed has not reached `since` yet. */
function isFrom(since: Position | undefined, position: string): boolean {
  const reached = since && parsePosition(position);
  return reached !== undefined && (reached.epoch !== since?.epoch || reached.seq >= since.seq);
}

/** `GET /v1/feeds/{feed}/history` */
export async function history(c: AppContext): Promise<Response> {
  const { caller, deployment, feed, knownFeeds, query } = c.var;
  const key = parameter(query, "key");
  const problem = key === undefined ? "is missing" : keyProblem(key);
  if (key === undefined || problem) throw new Problem("invalid_query", `key ${problem}.`);
  const limit = readNumber(query, "limit", historyLimitSchema);
  const before = readNumber(query, "before", beforeSchema);
  if (!(await knownFeeds.exists(feed))) return emptyHistory(feed, key);
  const account = accountOf(countedByOne(caller, c.req.raw));
  const page = await deployment.feeds.getByName(feed).readHistory(key, limit, before, account);
  if (!page) throw new Problem("overloaded", "Too many wait for what the feed has kept.");
  const updates = page.updates.map(({ seq, time, line }) => {
    const { key: _, ...update } = readEncodedUpdate(line);
    return { seq, ...update, time: update.time ?? time };
  });
  return jsonResponse({ feed, epoch: page.epoch, key, updates, more: page.more }, { "Cache-Control": REVALIDATE });
}

/** `GET /v1/feeds/{feed}/stats` */
export async function stats(c: AppContext): Promise<Response> {
  const { deployment, feed, knownFeeds } = c.var;
  if (!(await knownFeeds.exists(feed))) return emptyStats(feed);
  const { exists: _, ...shown } = await deployment.feeds.getByName(feed).stats();
  return jsonResponse(shown, { "Cache-Control": REVALIDATE });
}
