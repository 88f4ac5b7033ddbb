import type { DirectoryObject } from "../durable/directory/directory-object.ts";
import { LIMITS } from "../protocol/limits.ts";
import { ASKED_FIRST, jsonAnswer } from "./answer.ts";
import { authenticate, demand } from "./credentials.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { outcomeOf } from "./outcome.ts";
import { Problem } from "./problem.ts";
import { one, readInteger } from "./query.ts";

/** `DELETE /v1/feeds/{feed}`: resets the feed, or with `forget` removes it. */
export async function remove<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const feed = c.get("feed");
  const caller = await authenticate(c, options);
  demand(caller, "admin", feed);
  const forgets = readForget(new URL(c.req.url).searchParams);
  const stub = options.feeds(c.env).getByName(feed);
  if (forgets) {
    await outcomeOf(async () => stub.forget());
    return jsonAnswer({ feed, forgotten: true }, { "Cache-Control": "no-store" });
  }
  const position = await outcomeOf(async () => stub.reset(caller.id));
  if (!position) throw new Problem("feed_full", "There are as many feeds as there may be.");
  return jsonAnswer({ feed, ...position }, { "Cache-Control": "no-store" });
}

/** One that was mistyped must not reset what it was to remove. */
function readForget(query: URLSearchParams): boolean {
  const forget = one(query, "forget");
  if (forget === undefined || forget === "false") return false;
  if (forget === "true") return true;
  throw new Problem("invalid_query", "forget is neither true nor false.");
}

/**
 * `GET /v1/feeds`: the feeds that exist and that the caller may read, in order of name, and `next` to go on `after`
 * where there may be more.
 */
export async function list<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const query = new URL(c.req.url).searchParams;
  const caller = await authenticate(c, options, query);
  // Without a credential all feeds are open or none is.
  if (caller.kind === "anonymous") demand(caller, "subscribe", "");
  const limit = readInteger(query, "limit", 1, LIMITS.listedFeeds) ?? LIMITS.listedFeeds;
  const directory = options.directory(c.env).getByName("feeds");
  const { serves } = options.quotas(c.env);
  const isShown = (feed: string): boolean => serves(feed) && caller.on(feed).subscribe;
  const names = await namesAfter(directory, isShown, one(query, "after") ?? "", limit);
  const feeds = (await directory.describe(names)).map(({ feed, stats, readable }) => {
    const { seq = 0, keys = 0, subscribers = 0 } = stats ?? {};
    // What was last known of a feed that cannot be read is better than nothing, and no reason to hide the others.
    return { feed, seq, keys, subscribers, unreadable: readable ? undefined : true };
  });
  const next = names.length === limit ? names.at(-1) : undefined;
  return jsonAnswer({ feeds, next }, { "Cache-Control": ASKED_FIRST });
}

/** Up to `limit` names after `after` that are shown: no other name is ever given away. */
async function namesAfter(
  directory: DurableObjectStub<DirectoryObject>,
  isShown: (feed: string) => boolean,
  after: string,
  limit: number,
): Promise<string[]> {
  const found: string[] = [];
  for (let from = after; ;) {
    const names = await directory.list(from, LIMITS.listedFeeds);
    found.push(...names.filter(isShown));
    const last = names.at(-1);
    if (found.length >= limit || names.length < LIMITS.listedFeeds || last === undefined) return found.slice(0, limit);
    from = last;
  }
}
