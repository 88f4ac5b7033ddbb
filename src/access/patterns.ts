import { isFeedName } from "../protocol/names.ts";

/** Says whether a feed is meant. */
export type Covers = (feed: string) => boolean;

/**
 * Reads a pattern of feeds' names: a name, the beginning of names with `*` after it, or `*`. Nothing where it is none of
 * these.
 */
export function readPattern(pattern: string): Covers | undefined {
  if (isFeedName(pattern)) return (feed) => feed === pattern;
  const prefix = pattern.slice(0, -1);
  if (!pattern.endsWith("*") || (prefix !== "" && !isFeedName(prefix))) return undefined;
  return (feed) => feed.startsWith(prefix);
}
