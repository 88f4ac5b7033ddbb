import { LIMITS } from "../protocol/limits.ts";
import type { FeedStats } from "../durable/directory/rpc.ts";
import type { FeedReport } from "../durable/directory/survey.ts";
import type { AppContext } from "./context.ts";
import { API_HEADERS } from "./responses.ts";

const METRICS: readonly [name: string, type: "gauge" | "counter", help: string, of: (stats: FeedStats) => number][] = [
  ["updates_total", "counter", "Updates accepted since the feed began or was reset.", ({ seq }) => seq],
  ["keys", "gauge", "Entries.", ({ keys }) => keys],
  ["subscribers", "gauge", "Open subscriptions.", ({ subscribers }) => subscribers],
  ["lagging", "gauge", "Subscriptions that do not take what they are sent.", ({ lagging }) => lagging],
  ["storage_bytes", "gauge", "Storage in use.", ({ storage }) => storage],
  ["last_update_seconds", "gauge", "When the last update was accepted.", ({ time }) => time / 1000],
];

/** `GET /metrics`: every feed, in the text format of Prometheus. */
export async function metrics(c: AppContext): Promise<Response> {
  const directory = c.var.deployment.directory.getByName("feeds");
  const feeds: FeedReport[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const names: string[] = await directory.list(after, LIMITS.listedFeeds);
    feeds.push(...(await directory.describe(names)));
    after = names.length === LIMITS.listedFeeds ? names.at(-1) : undefined;
  }
  const text = [
    ...METRICS.map(([name, type, help, of]) => {
      const samples = feeds.map(({ feed, stats }) => (stats ? sample(name, feed, of(stats)) : ""));
      return metric(name, type, help, samples);
    }),
    metric(
      "readable",
      "gauge",
      "1 where the feed answers, 0 where the other figures are what was last known of it.",
      feeds.map(({ feed, readable }) => sample("readable", feed, readable ? 1 : 0)),
    ),
  ].join("");
  return new Response(text, {
    headers: {
      ...API_HEADERS,
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
    },
  });
}

function metric(name: string, type: string, help: string, samples: readonly string[]): string {
  return `# HELP tickertape_feed_${name} ${help}\n# TYPE tickertape_feed_${name} ${type}\n${samples.join("")}`;
}

/** A feed's name has no character that would need escaping. */
function sample(name: string, feed: string, value: number): string {
  return `tickertape_feed_${name}{feed="${feed}"} ${value}\n`;
}
