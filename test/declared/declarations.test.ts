import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { Declarations } from "../../src/declared/declarations.ts";
import { feed, type FeedOptions } from "../../src/declared/feed.ts";
import { tickertape } from "../../src/worker/index.ts";

describe("[DECL1] a declaration", () => {
  test.each([
    ["a name that is none", { Stocks: feed() }, /"Stocks" cannot be a feed's name/],
    ["a pattern that is none", { "st*cks": feed() }, /"st\*cks" cannot be a feed's name/],
    ["no feed", {}, "no feed is declared"],
    ["an option that does not exist", { a: { maxkeys: 5 } as FeedOptions }, 'of the feed "a", maxkeys is declared'],
    ["a time that is none", { a: feed({ ttl: -1 }) }, 'of the feed "a", ttl is not seconds above 0'],
    ["a number that is none", { a: feed({ maxKeys: "5" as never }) }, "maxKeys is not a whole number above 0"],
    ["no number at all", { a: feed({ silentAfter: NaN }) }, "silentAfter is not seconds above 0"],
    [
      "a word that is not known",
      { a: feed({ subscribe: "private" as never }) },
      'subscribe is not "public" or "token"',
    ],
    ["what is no schema", { a: feed({ value: { parse() {} } as never }) }, "value is not a schema (Standard Schema"],
    [
      "a schema that does not answer at once",
      {
        a: feed({
          value: v.pipeAsync(
            v.object({}),
            v.checkAsync(async () => true),
          ),
        }),
      },
      'of the feed "a", the schema cannot be used: the schema is asynchronous',
    ],
    [
      "limits for publishers that there are none of",
      { a: feed({ publish: "code", publishRate: 5 }) },
      "limit credentials",
    ],
    [
      "more keys than there is room for",
      { a: feed({ maxKeys: 100, maxLength: 50 }) },
      "maxKeys are more than fit into",
    ],
  ])("with %s stops the Worker at its start, with a sentence", (_, feeds, sentence) => {
    expect(() => tickertape({ feeds })).toThrow(sentence);
    expect(() => tickertape({ feeds })).toThrow(/^tickertape: /);
  });

  test.each([
    ["feeds that stand beside the options", { stocks: feed() }, '"stocks" is no option; there are feeds,'],
    ["an option that does not exist", { feeds: { a: feed() }, onpublish: () => "no" }, '"onpublish" is no option'],
    ["a rule that cannot be called", { feeds: { a: feed() }, onPublish: "no" }, "onPublish is not a function"],
  ])("with %s stops it too, since without a rule everything would be allowed", (_, options, sentence) => {
    expect(() => tickertape(options as never)).toThrow(`tickertape: ${sentence}`);
  });

  test("counts for the feed that it names before a pattern, and a longer pattern before a shorter one", () => {
    const feeds = { "*": feed(), "team-*": feed(), "team-x-*": feed(), "team-x-1": feed() };
    const declared = new Declarations(feeds);
    expect(declared.of("team-x-1")).toBe(feeds["team-x-1"]);
    expect(declared.of("team-x-2")).toBe(feeds["team-x-*"]);
    expect(declared.of("team-y")).toBe(feeds["team-*"]);
    expect(declared.of("stocks")).toBe(feeds["*"]);
    expect(new Declarations({ "team-*": feed() }).of("stocks")).toBeUndefined();
  });
});
