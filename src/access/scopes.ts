import type { Grants } from "./access.ts";
import { readPattern, type Covers } from "./patterns.ts";

/**
 * Reads an OAuth 2.0 `scope`: `publish:<pattern>`, `subscribe:<pattern>`, `metrics` and `admin`, separated by spaces. What
 * is none of these grants nothing. The words that name no feed are common ones: from a token that may have been made for
 * another server, which is not `certain`, they grant nothing either.
 */
export function readScope(scope: string, certain: boolean): (feed: string) => Grants {
  const tokens = scope.split(" ");
  const admin = certain && tokens.includes("admin");
  const metrics = admin || (certain && tokens.includes("metrics"));
  const covered = (action: string): Covers => {
    const patterns = tokens.flatMap((token) => {
      const covers = token.startsWith(`${action}:`) ? readPattern(token.slice(action.length + 1)) : undefined;
      return covers ?? [];
    });
    return (feed) => patterns.some((covers) => covers(feed));
  };
  const publish = covered("publish");
  const subscribe = covered("subscribe");
  return (feed) => ({ admin, metrics, publish: admin || publish(feed), subscribe: admin || subscribe(feed) });
}
