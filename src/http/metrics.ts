import type { FeedReport } from "../durable/directory/survey.ts";
import type { StatsAnswer } from "../protocol/answers.ts";
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

type Replica = StatsAnswer["replicas"][number];

/** Of each replica of each feed. */
const REPLICA_METRICS: readonly [name: string, help: string, of: (replica: Replica, seq: number) => number][] = [
  ["subscribers", "Open subscriptions at a replica.", ({ subscribers }) => subscribers],
  ["behind", "Updates that a replica has not told of yet.", (replica, seq) => Math.max(0, seq - replica.seq)],
  [
    "reachable",
    "1 where a replica answers its feed, 0 where not.",
    ({ unreachableSince }) => (unreachableSince ? 0 : 1),
  ],
];

/** `GET /metrics`: every feed, in the text format of Prometheus. */
export async function metrics(c: AppContext): Promise<Response> {
  const directory = c.var.deployment.directory.getByName("feeds");
  const feeds: FeedReport[] = [];
  for await (const names of pagesOfNames(directory, "")) feeds.push(...(await directory.describe(names)));
  const ofFeeds = METRICS.map(([name, type, help, of]) =>
    family(
      `feed_${name}`,
      type,
      help,
      feeds.map((report) => [`feed="${report.feed}"`, of(report)]),
    ),
  );
  const ofReplicas = REPLICA_METRICS.map(([name, help, of]) =>
    family(`replica_${name}`, "gauge", help, samplesOf(feeds, of)),
  );
  return new Response([...ofFeeds, ...ofReplicas].join(""), {
    headers: {
      ...API_HEADERS,
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
      "Cache-Control": "no-store",
    },
  });
}

type Sample = readonly [labels: string, value: number | undefined];

function* samplesOf(feeds: readonly FeedReport[], of: (replica: Replica, seq: number) => number): Generator<Sample> {
  for (const { feed, stats } of feeds) {
    if (!stats) continue;
    for (const replica of stats.replicas) {
      yield [`feed="${feed}",replica="${replica.name}",region="${replica.region}"`, of(replica, stats.seq)];
    }
  }
}

/** One metric with its samples. No name in a label has a character that would need escaping. */
function family(name: string, type: "gauge" | "counter", help: string, samples: Iterable<Sample>): string {
  let text = `# HELP tickertape_${name} ${help}\n# TYPE tickertape_${name} ${type}\n`;
  for (const [labels, value] of samples) if (value !== undefined) text += `tickertape_${name}{${labels}} ${value}\n`;
  return text;
}
