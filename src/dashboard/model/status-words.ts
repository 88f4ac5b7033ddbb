import type { FeedState, FeedStatus } from "../../client/types.ts";
import type { StatsAnswer } from "../../protocol/answers.ts";
import { formatAge, formatCount } from "./format.ts";

/** A connection's state for people. */
export const STATE_LABELS: Readonly<Record<FeedState, string>> = {
  connecting: "Connecting",
  live: "Live",
  recovering: "Reconnecting",
  stale: "Not live",
  offline: "Offline",
  closed: "Closed",
};

/** Why it is so, and what happens next. Empty while the feed is live. `now` in milliseconds since 1970. */
export function stateDetail(status: FeedStatus, now: number): string {
  if (status.state === "live") return "";
  return [status.reason, nextAttempt(status, now)].filter((part) => part !== "").join(" · ");
}

function nextAttempt({ state, retryAt }: FeedStatus, now: number): string {
  if (state === "offline") return "goes on when the network is back";
  if (state === "closed") return "";
  if (retryAt === undefined) return state === "connecting" ? "" : "trying now";
  return `next try in ${Math.max(1, Math.ceil((retryAt - now) / 1000))} s`;
}

/** How old the shown data is, or undefined while it is live. `liveAt`: when it was last known to be current. */
export function staleness(state: FeedState, liveAt: number | undefined, now: number): string | undefined {
  if (state === "live" || liveAt === undefined) return undefined;
  return formatAge(Math.max(0, now - liveAt));
}

/** Members of `/stats` that the page shows elsewhere. */
const ELSEWHERE = new Set<string>(["feed", "epoch", "seq", "keys", "subscribers"] satisfies (keyof StatsAnswer)[]);
const STAT_NAMES = {
  lagging: "subscribers that lag",
  time: "last update",
  storage: "stored",
  started: "in memory for",
} satisfies { readonly [name in keyof StatsAnswer]?: string };

/** The figures of a feed by name, as text. A newer server may send figures that this page does not know: they are shown too. */
export function statsText(stats: StatsAnswer, now: number): [name: string, text: string][] {
  const labels = new Map(Object.entries(STAT_NAMES));
  const { replicas } = stats;
  const figures = Object.entries<unknown>({ ...stats }).flatMap(([name, value]): [string, string][] => {
    if (ELSEWHERE.has(name) || typeof value === "object") return [];
    return [[labels.get(name) ?? spaced(name), figure(name, value, now)]];
  });
  return replicas.length === 0 ? figures : [...figures, ...replicasText(replicas, stats.seq)];
}

type Replicas = StatsAnswer["replicas"];

/** How many replicas a feed has in which regions, and what is wrong with them. */
function replicasText(replicas: Replicas, seq: number): [name: string, text: string][] {
  const regions = new Map<string, number>();
  for (const { region } of replicas) regions.set(region, (regions.get(region) ?? 0) + 1);
  const where = Array.from(regions, ([region, count]) => `${count} in ${region}`).join(", ");
  const behind = Math.max(...replicas.map((replica) => seq - replica.seq));
  const unreachable = replicas.filter(({ unreachableSince }) => unreachableSince !== undefined).length;
  const text: [name: string, text: string][] = [["replicas", where]];
  if (behind > 0) text.push(["the slowest replica is behind by", `${formatCount(behind)} updates`]);
  if (unreachable > 0) text.push(["replicas that do not answer", formatCount(unreachable)]);
  return text;
}

/** `journalRows` as `journal rows`. */
function spaced(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** Size tells times from counts: milliseconds since 1970 have thirteen digits. */
function figure(name: string, value: unknown, now: number): string {
  if (typeof value !== "number") return String(value);
  if (name === "storage") return formatBytes(value);
  if (value < 1e12) return formatCount(value);
  const age = formatAge(Math.max(0, now - value));
  return name === "started" ? age : age === "now" ? "just now" : `${age} ago`;
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
