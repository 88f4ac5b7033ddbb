import { LIMITS } from "../protocol/limits.ts";
import { authenticate, demand } from "./credentials.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { one, readInteger } from "./query.ts";

/** `DELETE /v1/feeds/{feed}` */
export async function reset<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const feed = c.get("feed");
  const request = c.req.raw;
  const grants = await authenticate(options.access(c.env), request, new URL(c.req.url).searchParams, feed);
  demand(grants, "admin", request);
  const { epoch, seq } = await options.feeds(c.env).getByName(feed).reset();
  return c.json({ feed, epoch, seq }, 200, { "Cache-Control": "no-store" });
}

/** `GET /v1/feeds`: the feeds that exist, in order of name, and `next` to go on `after` where there are more. */
export async function list<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const access = options.access(c.env);
  const after = one(query, "after") ?? "";
  const limit = readInteger(query, "limit", 1, LIMITS.listedFeeds) ?? LIMITS.listedFeeds;
  const names = await options.directory(c.env).getByName("feeds").list(after, limit);
  const namespace = options.feeds(c.env);
  const listed = await Promise.all(
    names.map(async (name) => {
      const grants = await authenticate(access, c.req.raw, query, name);
      return grants.subscribe ? namespace.getByName(name).stats() : undefined;
    }),
  );
  if (names.length === 0) demand(await authenticate(access, c.req.raw, query, ""), "subscribe", c.req.raw);
  const feeds = listed.flatMap((stats) => {
    if (!stats?.exists) return [];
    const { feed, seq, keys, subscribers } = stats;
    return [{ feed, seq, keys, subscribers }];
  });
  const next = names.length === limit ? names.at(-1) : undefined;
  return c.json({ feeds, next }, 200, { "Cache-Control": "no-cache" });
}
