import type { Caller } from "../access/access.ts";
import type { DirectoryObject } from "../durable/directory-object.ts";
import { LIMITS } from "../protocol/limits.ts";
import { ASKED_FIRST, jsonAnswer } from "./answer.ts";
import { authenticate, demand } from "./credentials.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { Problem } from "./problem.ts";
import { one, readInteger } from "./query.ts";

/** `DELETE /v1/feeds/{feed}` */
export async function reset<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const feed = c.get("feed");
  demand(await authenticate(c, options), "admin", feed);
  const position = await options.feeds(c.env).getByName(feed).reset();
  if (!position) throw new Problem("feed_full", "There are as many feeds as there may be.");
  return jsonAnswer({ feed, ...position }, { "Cache-Control": "no-store" });
}

/**
 * `GET /v1/feeds`: the feeds that exist and that the caller may read, in order of name, and `next` to go on `after`
 * where there may be more.
 */
export async function list<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const caller = await authenticate(c, options, query);
  // Without a credential all feeds are open or none is.
  if (caller.anonymous) demand(caller, "subscribe", "");
  const limit = readInteger(query, "limit", 1, LIMITS.listedFeeds) ?? LIMITS.listedFeeds;
  const directory = options.directory(c.env).getByName("feeds");
  const names = await readable(directory, caller, one(query, "after") ?? "", limit);
  const feeds = (await directory.describe(names))
    .filter(({ exists }) => exists)
    .map(({ feed, seq, keys, subscribers }) => ({ feed, seq, keys, subscribers }));
  const next = names.length === limit ? names.at(-1) : undefined;
  return jsonAnswer({ feeds, next }, { "Cache-Control": ASKED_FIRST });
}

/** Up to `limit` names after `after` that the caller may read: no other name is ever given away. */
async function readable(
  directory: DurableObjectStub<DirectoryObject>,
  caller: Caller,
  after: string,
  limit: number,
): Promise<string[]> {
  const found: string[] = [];
  for (let from = after; ;) {
    const names = await directory.list(from, LIMITS.listedFeeds);
    found.push(...names.filter((name) => caller.on(name).subscribe));
    const last = names.at(-1);
    if (found.length >= limit || names.length < LIMITS.listedFeeds || last === undefined) return found.slice(0, limit);
    from = last;
  }
}
