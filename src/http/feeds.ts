import type { ListAnswer, ResetAnswer } from "../protocol/answers.ts";
import type { DirectoryObject } from "../durable/directory/directory-object.ts";
import { LIMITS } from "../protocol/limits.ts";
import { listLimitSchema } from "../protocol/parameters.ts";
import type { AppContext } from "./context.ts";
import { callToChange, Problem } from "./problem.ts";
import { parameter, readNumber } from "./query.ts";
import { jsonResponse, REVALIDATE } from "./responses.ts";

/** `DELETE /v1/feeds/{feed}`: resets the feed, or with `forget` removes it. */
export async function deleteFeed(c: AppContext): Promise<Response> {
  const { caller, deployment, feed } = c.var;
  const forgets = readForget(new URL(c.req.url).searchParams);
  const object = deployment.feeds.getByName(feed);
  if (forgets) {
    await callToChange(async () => object.forget());
    return jsonResponse({ feed, forgotten: true } satisfies ResetAnswer, { "Cache-Control": "no-store" });
  }
  const position = await callToChange(async () => object.reset(caller.id));
  if (!position) throw new Problem("feed_full", "There are as many feeds as there may be.");
  return jsonResponse({ feed, ...position }, { "Cache-Control": "no-store" });
}

/** A value that is mistyped must not reset a feed that was to be removed. */
function readForget(query: URLSearchParams): boolean {
  const forget = parameter(query, "forget");
  if (forget === undefined || forget === "false") return false;
  if (forget === "true") return true;
  throw new Problem("invalid_query", "forget is neither true nor false.");
}

/** `GET /v1/feeds`: feeds that exist and the caller may read, by name. To continue, ask `after` the name in `next`. */
export async function listFeeds(c: AppContext): Promise<Response> {
  const { caller, deployment, query } = c.var;
  const limit = readNumber(query, "limit", listLimitSchema);
  const directory = deployment.directory.getByName("feeds");
  const { serves } = deployment.quotas;
  const found: string[] = [];
  for await (const page of pagesOfNames(directory, parameter(query, "after") ?? "")) {
    // No other name leaves the Worker.
    found.push(...page.filter((feed) => serves(feed) && caller.on(feed).subscribe));
    if (found.length >= limit) break;
  }
  const names = found.slice(0, limit);
  const feeds = (await directory.describe(names)).map(({ feed, stats, readable }) => {
    const { seq = 0, keys = 0, subscribers = 0 } = stats ?? {};
    // The last known figures of a feed that cannot be read are better than none, and no reason to hide the others.
    return { feed, seq, keys, subscribers, unreadable: readable ? undefined : (true as const) };
  });
  const next = names.length === limit ? names.at(-1) : undefined;
  return jsonResponse({ feeds, next } satisfies ListAnswer, { "Cache-Control": REVALIDATE });
}

/** The names of all feeds after `after`, as many at a time as a list may have. */
export async function* pagesOfNames(
  directory: DurableObjectStub<DirectoryObject>,
  after: string,
): AsyncGenerator<string[]> {
  for (let from: string | undefined = after; from !== undefined;) {
    const names: string[] = await directory.list(from, LIMITS.listedFeeds);
    yield names;
    from = names.length === LIMITS.listedFeeds ? names.at(-1) : undefined;
  }
}
