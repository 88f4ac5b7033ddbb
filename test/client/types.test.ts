import { expectTypeOf, test } from "vitest";
import { connect, type Change, type DeclaredFeed, type Feed, type FeedStatus } from "../../src/client/index.ts";

// The compiler holds these: nothing here is run.

interface Quote {
  last: number;
  bid: number;
  name: string;
}
/** As `typeof feeds`, of feeds that are declared in code. */
type Feeds = { stocks: DeclaredFeed<Quote>; "team-*": DeclaredFeed<{ score: number }>; free: DeclaredFeed };
type Any = Record<string, unknown>;

const url = "http://feeds.test";
const some = "stocks" as string;

test("entries are what the caller says", () => {
  void (() => {
    expectTypeOf(connect<Quote>(url, "stocks")).toEqualTypeOf<Feed<Quote>>();
    expectTypeOf(connect<Quote>(url, some, { keys: ["A"] })).toEqualTypeOf<Feed<Quote>>();
    expectTypeOf(connect(url, "stocks")).toEqualTypeOf<Feed<Any>>();
    expectTypeOf(connect(url, some, { hz: 4 })).toEqualTypeOf<Feed<Any>>();
    // oxlint-disable-next-line typescript/no-explicit-any -- as callers write it
    expectTypeOf(connect<any>(url, "stocks").get("A")).toBeAny();
    expectTypeOf(connect<unknown>(url, "stocks")).toEqualTypeOf<Feed<unknown>>();
  });
  expectTypeOf<ReturnType<typeof connect<Quote>>>().toEqualTypeOf<Feed<Quote>>();
  void ((feed: Feed<Quote>) => {
    expectTypeOf(feed.get("A")).toEqualTypeOf<Quote | undefined>();
    expectTypeOf(feed.getSnapshot().entries).toEqualTypeOf<ReadonlyMap<string, Quote>>();
    feed.on("change", (changes) => expectTypeOf(changes).toEqualTypeOf<readonly Change<Quote>[]>());
    feed.on("status", (status) => expectTypeOf(status).toEqualTypeOf<FeedStatus>());
    feed.subscribe(({ entries }) => expectTypeOf(entries).toEqualTypeOf<ReadonlyMap<string, Quote>>());
  });
});

test("with fields, entries are what is left of that", () => {
  type Cut = Feed<Pick<Quote, "last" | "bid">, Quote>;
  void (async (feed: Cut) => {
    expectTypeOf(connect<Quote, "last" | "bid">(url, "stocks", { fields: ["last", "bid"] })).toEqualTypeOf<Cut>();
    expectTypeOf(connect<Quote, "last" | "bid">(url, some, { fields: ["bid", "last"] })).toEqualTypeOf<Cut>();
    expectTypeOf(connect(url, "stocks", { fields: ["last"] })).toEqualTypeOf<Feed<Pick<Any, "last">, Any>>();
    expectTypeOf(feed.get("A")).toEqualTypeOf<{ last: number; bid: number } | undefined>();
    expectTypeOf(await feed.select({ fields: ["name"] })).toEqualTypeOf<Feed<Pick<Quote, "name">, Quote>>();
    expectTypeOf(await feed.select({ keys: ["A"] })).toEqualTypeOf<Feed<Quote>>();
    // @ts-expect-error -- a quote has no such member
    await feed.select({ fields: ["ask"] });
    // @ts-expect-error -- else the type would say that all are there
    connect<Quote>(url, "stocks", { fields: ["last"] });
    // @ts-expect-error -- `bid` would not be there
    connect<Quote, "last" | "bid">(url, "stocks", { fields: ["last"] });
    // @ts-expect-error -- it would not be cut
    connect<Quote, "last">(url, "stocks");
    // @ts-expect-error -- `bid` would not be in the type
    connect<Quote, "last">(url, "stocks", { fields: ["last", "bid"] });
  });
});

test("with the type of the declared feeds, a feed knows its values", () => {
  void (() => {
    expectTypeOf(connect<Feeds, "stocks">(url, "stocks")).toEqualTypeOf<Feed<Quote>>();
    expectTypeOf(connect<Feeds, `team-${string}`>(url, "team-7")).toEqualTypeOf<Feed<{ score: number }>>();
    expectTypeOf(connect<Feeds, "free">(url, "free")).toEqualTypeOf<Feed<Any>>();
    expectTypeOf(connect<Pick<Feeds, "stocks">>(url, "stocks")).toEqualTypeOf<Feed<Quote>>();
    expectTypeOf(connect<Omit<Feeds, "free">>(url, "stocks")).toEqualTypeOf<Feed<Quote | { score: number }>>();
    expectTypeOf(connect<Feeds, "stocks", "last">(url, "stocks", { fields: ["last"] })).toEqualTypeOf<
      Feed<Pick<Quote, "last">, Quote>
    >();
    // @ts-expect-error -- no feed of that name is declared
    connect<Feeds>(url, "stonks");
    // @ts-expect-error -- another one
    connect<Feeds, "stocks">(url, "team-7");
    // @ts-expect-error -- a quote has no such member
    connect<Feeds, "stocks", "ask">(url, "stocks", { fields: ["ask"] });
    // @ts-expect-error -- else the type would say that all are there
    connect<Feeds, "stocks">(url, "stocks", { fields: ["last"] });
  });
});
