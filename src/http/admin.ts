import type { Caller } from "../access/access.ts";
import type { DirectoryObject } from "../durable/directory-object.ts";
import { LIMITS } from "../protocol/limits.ts";
import { demand, identify } from "./credentials.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { one, readInteger } from "./query.ts";

/** `DELETE /v1/feeds/{feed}` */
export async function reset<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const feed = c.get("feed");
  demand(await identify(options.access(c.env), c.req.raw), "admin", feed);
  const { epoch, seq } = await options.feeds(c.env).getByName(feed).reset();
  return c.json({ feed, epoch, seq }, 200, { "Cache-Control": "no-store" });
}

/**
 * `GET /v1/feeds`: the feeds that exist and that the caller may read, in order of name, and `next` to go on `after`
 * where there may be more.
 */
export async function list<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const caller = await identify(options.access(c.env), c.req.raw, query);
  // Without a credential all feeds are open or none is.
  if (caller.anonymous) demand(caller, "subscribe", "");
  const limit = readInteger(query, "limit", 1, LIMITS.listedFeeds) ?? LIMITS.listedFeeds;
  const directory = options.directory(c.env).getByName("feeds");
  const names = await readable(directory, caller, one(query, "after") ?? "", limit);
  const namespace = options.feeds(c.env);
  const listed = await Promise.all(names.map((name) => namespace.getByName(name).stats()));
  const feeds = listed
    .filter(({ exists }) => exists)
    .map(({ feed, seq, keys, subscribers }) => ({ feed, seq, keys, subscribers }));
  const next = names.length === limit ? names.at(-1) : undefined;
  return c.json({ feeds, next }, 200, { "Cache-Control": "no-cache" });
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
