import { isFeedName } from "../protocol/names.ts";
import type { Grants } from "./access.ts";

/** Says whether a scope covers a feed. */
type Covers = (feed: string) => boolean;

/**
 * Reads an OAuth 2.0 `scope`: `publish:<pattern>`, `subscribe:<pattern>` and `admin`, separated by spaces. A pattern is
 * a feed's name, the beginning of names with `*` after it, or `*`. What is none of these grants nothing.
 */
export function readScope(scope: string): (feed: string) => Grants {
  const tokens = scope.split(" ");
  const admin = tokens.includes("admin");
  const covered = (action: string): Covers => {
    const patterns = tokens.flatMap((token) => {
      const covers = token.startsWith(`${action}:`) ? readPattern(token.slice(action.length + 1)) : undefined;
      return covers ?? [];
    });
    return (feed) => patterns.some((covers) => covers(feed));
  };
  const publish = covered("publish");
  const subscribe = covered("subscribe");
  return (feed) => ({ admin, publish: admin || publish(feed), subscribe: admin || subscribe(feed) });
}

function readPattern(pattern: string): Covers | undefined {
  if (isFeedName(pattern)) return (feed) => feed === pattern;
  const prefix = pattern.slice(0, -1);
  if (!pattern.endsWith("*") || (prefix !== "" && !isFeedName(prefix))) return undefined;
  return (feed) => feed.startsWith(prefix);
}
