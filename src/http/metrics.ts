import type { FeedReport } from "../durable/directory/survey.ts";
import type { AppContext } from "./context.ts";
import { pagesOfNames } from "./feeds.ts";
import { API_HEADERS } from "./responses.ts";

const METRICS: readonly [name: string, type: "gauge" | "counter", help: string, of: Figure][] = [
  ["updates_total", "counter", "Updates accepted since the feed began or was reset.", ({ stats }) => stats?.seq],
  ["keys", "gauge", "Entries.", ({ stats }) => stats?.keys],
  ["subscribers", "gauge", "Open subscriptions.", ({ stats }) => stats?.subscribers],
  ["lagging", "gauge", "Subscriptions that do not take what they are sent.", ({ stats }) => stats?.lagging],
  ["storage_bytes", "gauge", "Storage in use.", ({ stats }) => stats?.storage],
  ["last_update_seconds", "gauge", "When the last update was accepted.", ({ stats }) => stats && stats.time / 1000],
  [
    "readable",
    "gauge",
    "1 where the feed answers, 0 where the other figures are what was last known of it.",
    ({ readable }) => (readable ? 1 : 0),
  ],
];

/** Undefined if nothing is known of it. */
type Figure = (report: FeedReport) => number | undefined;

/** `GET /metrics`: every feed, in the text format of Prometheus. */
export async function metrics(c: AppContext): Promise<Response> {
  const directory = c.var.deployment.directory.getByName("feeds");
  const feeds: FeedReport[] = [];
  for await (const names of pagesOfNames(directory, "")) feeds.push(...(await directory.describe(names)));
  const text = METRICS.map(([name, type, help, of]) => {
    const samples = feeds.map((report) => sample(name, report.feed, of(report)));
    return `# HELP tickertape_feed_${name} ${help}\n# TYPE tickertape_feed_${name} ${type}\n${samples.join("")}`;
  }).join("");
  return new Response(text, {
    headers: {
      ...API_HEADERS,
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
    },
  });
}

/** A feed's name has no character that would need escaping. */
function sample(name: string, feed: string, value: number | undefined): string {
  return value === undefined ? "" : `tickertape_feed_${name}{feed="${feed}"} ${value}\n`;
}
