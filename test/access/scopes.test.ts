import { describe, expect, test } from "vitest";
import { readScope } from "../../src/access/scopes.ts";

function allowed(scope: string, feed: string, certain = true): string[] {
  return Object.entries(readScope(scope, certain)(feed)).flatMap(([action, may]) => (may ? [action] : []));
}

describe("[AUTH7] a scope", () => {
  test.each([
    ["", "stocks", []],
    ["subscribe:stocks", "stocks", ["subscribe"]],
    ["subscribe:stocks", "stocks-eu", []],
    ["subscribe:stocks", "stock", []],
    ["publish:stocks", "stocks", ["publish"]],
    ["publish:stocks subscribe:stocks", "stocks", ["publish", "subscribe"]],
    ["openid publish:stocks email", "stocks", ["publish"]],
    ["subscribe:team1.*", "team1.orders", ["subscribe"]],
    ["subscribe:team1.*", "team1.", ["subscribe"]],
    ["subscribe:team1.*", "team10.orders", []],
    ["subscribe:*", "anything", ["subscribe"]],
    ["publish:*", "anything", ["publish"]],
    ["admin", "anything", ["admin", "metrics", "publish", "subscribe"]],
    ["openid metrics", "anything", ["metrics"]],
    ["subscribe:a* subscribe:b", "b", ["subscribe"]],
  ])("%j allows on %s: %j", (scope, feed, actions) => {
    expect(allowed(scope, feed)).toEqual(actions);
  });

  test.each([
    "subscribe",
    "subscribe:",
    "SUBSCRIBE:stocks",
    "subscribe:Stocks",
    "subscribe:st*cks",
    "subscribe:*stocks",
    "subscribe:**",
    "subscribe:s**",
    "admin:stocks",
    "Admin",
    "publish;stocks",
    "metrics:stocks",
    "subscribe :stocks",
    "read:stocks",
    "subscribe:stocks,publish:stocks",
    "subscribe:.*",
  ])("%j allows nothing", (scope) => {
    expect(allowed(scope, "stocks")).toEqual([]);
  });

  test("of a token that may be for another server grants nothing by its common words", () => {
    expect(allowed("admin metrics publish:stocks", "stocks", false)).toEqual(["publish"]);
    expect(allowed("admin metrics publish:stocks", "other", false)).toEqual([]);
  });
});
