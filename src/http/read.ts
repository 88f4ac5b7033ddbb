import { LIMITS } from "../protocol/limits.ts";
import { readEncodedUpdate } from "../protocol/update.ts";
import { keyProblem } from "../protocol/names.ts";
import { API_HEADERS, jsonAnswer } from "./answer.ts";
import { authenticate, demand } from "./credentials.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { Problem } from "./problem.ts";
import { one, readInteger, readSubscribeQuery } from "./query.ts";

/** `GET /v1/feeds/{feed}`: a snapshot, or with `since` what changed. */
export async function snapshot<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = await readable(c, options);
  const { subscription, since } = readSubscribeQuery(query);
  const { position, body } = await options
    .feeds(c.env)
    .getByName(c.get("feed"))
    .read({
      selection: subscription.selection.id,
      mode: subscription.mode,
      since,
      // With `since` the answer is about the way there, and is never left out.
      known: since ? [] : knownTags(c.req.raw),
    });
  // Kept by nobody without asking: a copy that is shown as the present would be wrong.
  const headers = { ETag: `"${position}"`, "Cache-Control": "no-cache" };
  if (body !== undefined) return jsonAnswer(body, headers);
  return new Response(null, { status: 304, headers: { ...API_HEADERS, ...headers } });
}

/** `GET /v1/feeds/{feed}/history` */
export async function history<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = await readable(c, options);
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
  await readable(c, options);
  const { exists: _, ...shown } = await options.feeds(c.env).getByName(c.get("feed")).stats();
  return jsonAnswer(shown, { "Cache-Control": "no-cache" });
}

/** Demands that the caller may read the feed, and hands on the query. */
async function readable<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<URLSearchParams> {
  const query = new URL(c.req.url).searchParams;
  const caller = await authenticate(c, options, query);
  demand(caller, "subscribe", c.get("feed"));
  return query;
}

/** What `If-None-Match` names: positions without their quotes, or `*` for whatever there is. */
function knownTags(request: Request): string[] {
  const header = request.headers.get("If-None-Match");
  if (header === null) return [];
  if (header.trim() === "*") return ["*"];
  return Array.from(header.matchAll(/(?:W\/)?"([^"]*)"/g), ([, tag = ""]) => tag);
}
