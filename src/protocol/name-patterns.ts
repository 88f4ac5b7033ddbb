import { isFeedName } from "./names.ts";

/** Tells whether a feed's name matches. */
export type NameFilter = (feed: string) => boolean;

/** Reads a name pattern: a feed's name, the beginning of names followed by `*`, or `*`; undefined if it is none of these. */
export function readNamePattern(pattern: string): NameFilter | undefined {
  if (isFeedName(pattern)) return (feed) => feed === pattern;
  const prefix = pattern.slice(0, -1);
  if (!pattern.endsWith("*") || (prefix !== "" && !isFeedName(prefix))) return undefined;
  return (feed) => feed.startsWith(prefix);
}
