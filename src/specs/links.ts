import type { JsonSchema } from "./schemas.ts";

const FEED = { "path.feed": "$request.path.feed" };
/** The position that an answer tells. */
const POSITION = "{$response.body#/epoch}:{$response.body#/seq}";

/** What a client may ask next with the answer `200` of an operation, as OpenAPI's links. */
export const LINKS = {
  readFeed: {
    changes: link("readFeed", { ...FEED, "query.since": POSITION }, "What has changed since."),
    resumed: link(
      "readFeed",
      { ...FEED, "header.Last-Event-ID": POSITION },
      "The stream from there, with the `Accept` of a stream.",
    ),
    unchanged: link(
      "readFeed",
      { ...FEED, "header.If-None-Match": "$response.header.ETag" },
      "`304` while nothing has changed.",
    ),
  },
  publish: {
    state: link("readFeed", FEED, "The entries, with what was published."),
    changes: link("readFeed", { ...FEED, "query.since": POSITION }, "What has changed since."),
    history: link("readHistory", { ...FEED, "query.key": "$request.body#/key" }, "The updates of the key."),
    stats: link("readStats", FEED, "The figures of the feed now."),
    repeated: {
      ...link(
        "publish",
        { ...FEED, "header.Idempotency-Key": "$request.header.Idempotency-Key" },
        "The same receipt, and nothing is published.",
      ),
      requestBody: "$request.body",
    },
  },
  resetFeed: { state: link("readFeed", FEED, "No entries.") },
  readHistory: {
    older: link(
      "readHistory",
      { ...FEED, "query.key": "$request.query.key", "query.before": "$response.body#/updates/0/seq" },
      "The page before, if there is `more`.",
    ),
  },
  listFeeds: {
    first: link("readFeed", { "path.feed": "$response.body#/feeds/0/feed" }, "The first of the feeds."),
    next: link("listFeeds", { "query.after": "$response.body#/next" }, "The next page, if there is one."),
  },
};

function link(operationId: string, parameters: JsonSchema, description: string): JsonSchema {
  return { operationId, parameters, description };
}
