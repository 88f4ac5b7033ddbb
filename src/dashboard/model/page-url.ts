import type { Selection } from "../../client/types.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { isFeedName } from "../../protocol/names.ts";

/** What the page shows, as its URL says. */
export interface Choice {
  readonly feed: string;
  /** Exact keys and `prefix*` patterns. Empty means all keys. */
  readonly keys: readonly string[];
  /** Messages a second, at most. If undefined, the server decides. */
  readonly hz: number | undefined;
  /** The key whose detail is open. */
  readonly show: string | undefined;
}

const DEFAULT_FEED = "stocks";

/** Reads `?feed=stocks&keys=AAPL,tech.*&hz=4&show=AAPL`. A part that is not valid counts as not given. */
export function readChoice(search: string): Choice {
  const query = new URLSearchParams(search);
  return {
    feed: query.get("feed") || DEFAULT_FEED,
    keys: readKeys(query.getAll("keys").join(",")),
    hz: readHz(query.get("hz") ?? ""),
    show: query.get("show") || undefined,
  };
}

/** The page's own query for a choice. `readChoice` turns it into the same choice again. */
export function writeChoice({ feed, keys, hz, show }: Choice): string {
  const query = new URLSearchParams({ feed, ...selectionParameters({ keys, hz }) });
  if (show !== undefined) query.set("show", show);
  return `?${readable(query)}`;
}

/** The query of the API for a choice's selection, or "" if it selects everything. */
export function writeSelection(choice: Pick<Choice, "keys" | "hz">): string {
  const query = readable(new URLSearchParams(selectionParameters(choice)));
  return query === "" ? "" : `?${query}`;
}

function selectionParameters({ keys, hz }: Pick<Choice, "keys" | "hz">): Record<string, string> {
  return { ...(keys.length > 0 && { keys: keys.join(",") }), ...(hz !== undefined && { hz: String(hz) }) };
}

/** A query may hold commas and stars as they are, and people read them more easily. */
function readable(query: URLSearchParams): string {
  return query.toString().replaceAll("%2C", ",").replaceAll("%2A", "*");
}

export function readKeys(text: string): string[] {
  return [...new Set(text.split(",").map((key) => key.trim()))].filter((key) => key !== "");
}

/** Returns undefined for a rate that the server would refuse. */
export function readHz(text: string): number | undefined {
  const hz = text.trim() === "" ? Number.NaN : Number(text);
  return hz >= LIMITS.hzMin && hz <= LIMITS.hzMax ? hz : undefined;
}

/**
 * Says what is wrong with a choice, or returns undefined. A name that is not valid must not go further: it would get into
 * commands that people paste into a shell.
 */
export function choiceProblem({ feed }: Choice): string | undefined {
  if (isFeedName(feed)) return undefined;
  return `“${feed.slice(0, 80)}” is not a feed's name. Names have 1 to ${LIMITS.feedNameLength} of a-z 0-9 . _ - and begin with a letter or digit.`;
}

/** The selection that the client subscribes with. */
export function selectionOf({ keys, hz }: Choice): Selection {
  return { keys: keys.length > 0 ? keys : undefined, hz };
}
