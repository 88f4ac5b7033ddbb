import type { Grants } from "./access.ts";
import { readPattern, type Covers } from "./patterns.ts";

/**
 * Reads an OAuth 2.0 `scope`: `publish:<pattern>`, `subscribe:<pattern>` and `admin`, separated by spaces. What is none
 * of these grants nothing.
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
