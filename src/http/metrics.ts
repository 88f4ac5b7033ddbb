import { LIMITS } from "../protocol/limits.ts";
import type { FeedStats } from "../durable/reading.ts";
import { API_HEADERS } from "./answer.ts";
import { authenticate, demand } from "./credentials.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";

const METRICS: readonly [name: string, type: "gauge" | "counter", help: string, of: (stats: FeedStats) => number][] = [
  ["updates_total", "counter", "Updates accepted since the feed began or was reset.", ({ seq }) => seq],
  ["keys", "gauge", "Entries.", ({ keys }) => keys],
  ["subscribers", "gauge", "Open subscriptions.", ({ subscribers }) => subscribers],
  ["lagging", "gauge", "Subscriptions that do not take what they are sent.", ({ lagging }) => lagging],
  ["storage_bytes", "gauge", "Storage in use.", ({ storage }) => storage],
  ["last_update_seconds", "gauge", "When the last update was accepted.", ({ time }) => time / 1000],
];

/** `GET /metrics`: every feed in Prometheus' text format, the first 500 by name. For administrators. */
export async function metrics<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  demand(await authenticate(c, options), "admin", "");
  const directory = options.directory(c.env).getByName("feeds");
  const names = await directory.list("", LIMITS.listedFeeds);
  const feeds = (await directory.describe(names)).filter(({ exists }) => exists);
  // oxlint-disable-next-line oxc/no-map-spread -- few, and short
  const lines = METRICS.flatMap(([name, type, help, of]) => [
    `# HELP tickertape_feed_${name} ${help}`,
    `# TYPE tickertape_feed_${name} ${type}`,
    // A feed's name has no character that would need escaping.
    ...feeds.map((stats) => `tickertape_feed_${name}{feed="${stats.feed}"} ${of(stats)}`),
  ]);
  return new Response(`${lines.join("\n")}\n`, {
    headers: {
      ...API_HEADERS,
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
    },
  });
}
