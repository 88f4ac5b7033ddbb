import { isFeedName } from "../../protocol/names.ts";

/** What the page shows, as its address says. */
export interface Choice {
  readonly feed: string;
  /** Exact keys and `prefix*` patterns; none means all. */
  readonly keys: readonly string[];
  /** At most so many messages a second; none means as the server sends. */
  readonly hz: number | undefined;
  /** The key whose detail is open. */
  readonly show: string | undefined;
}

const DEFAULT_FEED = "stocks";

/** Reads `?feed=stocks&keys=AAPL,tech.*&hz=4&show=AAPL`. What makes no sense there counts as not given. */
export function readChoice(search: string): Choice {
  const query = new URLSearchParams(search);
  return {
    feed: query.get("feed") || DEFAULT_FEED,
    keys: readKeys(query.getAll("keys").join(",")),
    hz: readHz(query.get("hz") ?? ""),
    show: query.get("show") || undefined,
  };
}

/** The page's own query for a choice: `readChoice` of it gives the same choice again. */
export function writeChoice({ feed, keys, hz, show }: Choice): string {
  const query = new URLSearchParams({ feed });
  if (keys.length > 0) query.set("keys", keys.join(","));
  if (hz !== undefined) query.set("hz", String(hz));
  if (show !== undefined) query.set("show", show);
  // Commas and stars may stand in a query as they are, and are what people read.
  return `?${query.toString().replaceAll("%2C", ",").replaceAll("%2A", "*")}`;
}

export function readKeys(text: string): string[] {
  return [...new Set(text.split(",").map((key) => key.trim()))].filter((key) => key !== "");
}

/** From 0.1 to 60; nothing else is a rate that the server takes. */
export function readHz(text: string): number | undefined {
  const hz = text.trim() === "" ? Number.NaN : Number(text);
  return hz >= 0.1 && hz <= 60 ? hz : undefined;
}

/** Says what is wrong with a choice, or nothing. The name goes into commands that people paste into a shell. */
export function choiceProblem({ feed }: Choice): string | undefined {
  if (isFeedName(feed)) return undefined;
  return `“${feed.slice(0, 80)}” is not a feed's name. Names have 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit.`;
}
