import type { Caller } from "../access/access.ts";
import type { ReadOutcome } from "../durable/reads.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readEncodedUpdate } from "../protocol/update.ts";
import { parsePosition, type Position } from "../protocol/position.ts";
import { keyProblem } from "../protocol/names.ts";
import { addressOf } from "./client-ip.ts";
import { API_HEADERS, ASKED_FIRST, jsonAnswer } from "./answer.ts";
import { authenticate, demand } from "./credentials.ts";
import { knownTags } from "./conditional.ts";
import { awaitChange } from "./long-poll.ts";
import { demandPlace, exists, historyOfNothing, snapshotOfNothing, statsOfNothing } from "./existence.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { Problem } from "./problem.ts";
import { one, readInteger, readSubscribeQuery, readWait } from "./query.ts";

/** `GET /v1/feeds/{feed}`: a snapshot, or with `since` what changed, with `wait` as soon as something has. */
export async function snapshot<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const caller = await readable(c, options, query);
  const asked = readSubscribeQuery(query);
  const wait = readWait(query);
  const { subscription, since } = asked;
  const waits = since !== undefined && query.has("wait") && c.req.raw.method !== "HEAD";
  // Waiting is watching, and needs an object.
  if (waits && wait > 0) await demandPlace(c, options, caller);
  else if (!(await exists(c, options))) return snapshotOfNothing(c.get("feed"), c.req.raw, since, waits);
  const request = {
    selection: subscription.selection.id,
    mode: subscription.mode,
    since,
    // With `since` the answer is about the way there, and is never left out.
    known: since ? [] : knownTags(c.req.raw),
    caller:
      caller.kind === "anonymous"
        ? { clientIp: addressOf(c.req.raw), kind: caller.kind, credential: undefined }
        : { clientIp: undefined, kind: caller.kind, credential: caller.id },
  };
  const read = async (): Promise<ReadOutcome> => {
    const outcome = await options.feeds(c.env).getByName(c.get("feed")).read(request);
    if (outcome) return outcome;
    throw new Problem("overloaded", "Too much of the feed is read at once.", { headers: { "Retry-After": "2" } });
  };
  let outcome = await read();
  // Read anew: what rang may tell of less than the whole way from `since`.
  if (waits && wait > 0 && outcome.isEmpty && (await awaitChange(c, options, caller, asked, wait * 1000)))
    outcome = await read();
  const { position, body, isEmpty } = outcome;
  const isAnswered = body !== undefined && !(waits && isEmpty);
  const headers = {
    ETag: `"${position}"`,
    "Cache-Control": isAnswered && caller.kind === "anonymous" && leadsOn(since, position) ? SHARED : ASKED_FIRST,
    // The same address has streams of events, too.
    Vary: "Accept",
  };
  if (isAnswered && c.req.raw.method === "HEAD" && typeof body !== "string") await body.cancel();
  if (isAnswered) return jsonAnswer(typeof body === "string" || c.req.raw.method !== "HEAD" ? body : "", headers);
  return new Response(null, { status: body === undefined ? 304 : 204, headers: { ...API_HEADERS, ...headers } });
}

/**
 * Who follows a feed by polling asks from its own position on, and many stand at the same one: a shared cache may answer
 * all of them with what it has got for the first, for a second. Whatever it has leads on from there, so that nobody goes
 * back.
 */
const SHARED = "public, max-age=0, s-maxage=1";

/** Whether an answer is about the way from `since`, and not about one that the feed has not come to yet. */
function leadsOn(since: Position | undefined, position: string): boolean {
  const reached = since && parsePosition(position);
  return reached !== undefined && (reached.epoch !== since?.epoch || reached.seq >= since.seq);
}

/** `GET /v1/feeds/{feed}/history` */
export async function history<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const caller = await readable(c, options, query);
  const feed = c.get("feed");
  const key = one(query, "key");
  const problem = key === undefined ? "is missing" : keyProblem(key);
  if (key === undefined || problem) throw new Problem("invalid_query", `key ${problem}.`);
  const limit = readInteger(query, "limit", 1, LIMITS.historyPage) ?? 100;
  const before = readInteger(query, "before", 0, Number.MAX_SAFE_INTEGER);
  if (!(await exists(c, options))) return historyOfNothing(feed, key);
  const owner = caller.kind === "anonymous" ? (addressOf(c.req.raw) ?? caller.id) : caller.id;
  const page = await options.feeds(c.env).getByName(feed).readHistory(key, limit, before, owner);
  if (!page) throw new Problem("overloaded", "Too many wait for what the feed has kept.");
  const updates = page.updates.map(({ seq, time, line }) => {
    const { key: _, ...update } = readEncodedUpdate(line);
    return { seq, ...update, time: update.time ?? time };
  });
  return jsonAnswer({ feed, epoch: page.epoch, key, updates, more: page.more }, { "Cache-Control": ASKED_FIRST });
}

/** `GET /v1/feeds/{feed}/stats` */
export async function stats<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  await readable(c, options, new URL(c.req.url).searchParams);
  const feed = c.get("feed");
  if (!(await exists(c, options))) return statsOfNothing(feed);
  const { exists: _, ...shown } = await options.feeds(c.env).getByName(feed).stats();
  return jsonAnswer(shown, { "Cache-Control": ASKED_FIRST });
}

/** Who reads the feed, and may. */
async function readable<B extends object>(
  c: FeedContext<B>,
  options: FeedAppOptions<B>,
  query: URLSearchParams,
): Promise<Caller> {
  const caller = await authenticate(c, options, query);
  demand(caller, "subscribe", c.get("feed"));
  return caller;
}
