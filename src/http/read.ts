import type { Caller } from "../access/access.ts";
import type { ReadOutcome } from "../durable/reading.ts";
import { LIMITS } from "../protocol/limits.ts";
import { readEncodedUpdate } from "../protocol/update.ts";
import { keyProblem } from "../protocol/names.ts";
import { API_HEADERS, jsonAnswer } from "./answer.ts";
import { authenticate, demand } from "./credentials.ts";
import { awaitChange } from "./long-poll.ts";
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
  const request = {
    selection: subscription.selection.id,
    mode: subscription.mode,
    since,
    // With `since` the answer is about the way there, and is never left out.
    known: since ? [] : knownTags(c.req.raw),
  };
  const read = (): Promise<ReadOutcome> => options.feeds(c.env).getByName(c.get("feed")).read(request);
  let outcome = await read();
  const waits = since !== undefined && query.has("wait") && c.req.raw.method !== "HEAD";
  // Read anew: what rang may tell of less than the whole way from `since`.
  if (waits && wait > 0 && outcome.isEmpty && (await awaitChange(c, options, caller, asked, wait * 1000)))
    outcome = await read();
  const { position, body, isEmpty } = outcome;
  // Kept by nobody without asking: a copy that is shown as the present would be wrong.
  const headers = { ETag: `"${position}"`, "Cache-Control": "no-cache" };
  if (body !== undefined && !(waits && isEmpty)) return jsonAnswer(body, headers);
  return new Response(null, { status: body === undefined ? 304 : 204, headers: { ...API_HEADERS, ...headers } });
}

/** `GET /v1/feeds/{feed}/history` */
export async function history<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  await readable(c, options, query);
  const feed = c.get("feed");
  const key = one(query, "key");
  const problem = key === undefined ? "is missing" : keyProblem(key);
  if (key === undefined || problem) throw new Problem("invalid_query", `key ${problem}.`);
  const limit = readInteger(query, "limit", 1, LIMITS.historyPage) ?? 100;
  const before = readInteger(query, "before", 0, Number.MAX_SAFE_INTEGER);
  const page = await options.feeds(c.env).getByName(feed).history(key, limit, before);
  const updates = page.updates.map(({ seq, time, line }) => {
    const { key: _, ...update } = readEncodedUpdate(line);
    return { seq, ...update, time: update.time ?? time };
  });
  return jsonAnswer({ feed, epoch: page.epoch, key, updates, more: page.more }, { "Cache-Control": "no-cache" });
}

/** `GET /v1/feeds/{feed}/stats` */
export async function stats<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  await readable(c, options, new URL(c.req.url).searchParams);
  const { exists: _, ...shown } = await options.feeds(c.env).getByName(c.get("feed")).stats();
  return jsonAnswer(shown, { "Cache-Control": "no-cache" });
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

/** What `If-None-Match` names: positions without their quotes, or `*` for whatever there is. */
function knownTags(request: Request): string[] {
  const header = request.headers.get("If-None-Match");
  if (header === null) return [];
  if (header.trim() === "*") return ["*"];
  return Array.from(header.matchAll(/(?:W\/)?"([^"]*)"/g), ([, tag = ""]) => tag);
}
