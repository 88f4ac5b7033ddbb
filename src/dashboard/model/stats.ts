import { isJsonObject, type Json } from "../../protocol/json.ts";
import { formatAge, formatCount } from "./format.ts";

/** What the list of feeds and the page itself show already. */
const ELSEWHERE = new Set(["feed", "epoch", "seq", "keys", "subscribers"]);
const NAMES: Readonly<Record<string, string>> = {
  lagging: "subscribers that lag",
  time: "last update",
  storage: "stored",
  started: "in memory for",
};

/** The figures of an answer of `/stats` by name, as text. A server may tell more than this page knows: that is shown too. */
export function readStats(stats: Json, now: number): [name: string, text: string][] {
  if (!isJsonObject(stats)) return [];
  return Object.entries(stats).flatMap(([name, value]): [string, string][] => {
    if (ELSEWHERE.has(name) || typeof value === "object") return [];
    const label = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
    return [[label ?? wordsOf(name), figure(name, value, now)]];
  });
}

/** `journalRows` as `journal rows`. */
function wordsOf(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** Times are told apart from counts by their size: milliseconds since 1970 have thirteen digits. */
function figure(name: string, value: string | number | boolean, now: number): string {
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
