import { readNamePattern, type NameFilter } from "../protocol/name-patterns.ts";
import type { Grants } from "./access.ts";

/**
 * Reads an OAuth 2.0 `scope`: `publish:<name pattern>`, `subscribe:<name pattern>`, `metrics` and `admin`, separated by
 * spaces. Any other word grants nothing. `metrics` and `admin` are common words in scopes: they grant nothing either if
 * the token may have been made for another server, that is, if it is not `certain`.
 */
export function readScope(scope: string, certain: boolean): (feed: string) => Grants {
  const words = scope.split(" ");
  const admin = certain && words.includes("admin");
  const metrics = admin || (certain && words.includes("metrics"));
  const feedsFor = (action: string): NameFilter => {
    const filters = words.flatMap((word) => {
      const filter = word.startsWith(`${action}:`) ? readNamePattern(word.slice(action.length + 1)) : undefined;
      return filter ?? [];
    });
    return (feed) => filters.some((matches) => matches(feed));
  };
  const publish = feedsFor("publish");
  const subscribe = feedsFor("subscribe");
  return (feed) => ({ admin, metrics, publish: admin || publish(feed), subscribe: admin || subscribe(feed) });
}
