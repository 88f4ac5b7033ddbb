import { expectTypeOf, test } from "vitest";
import {
  createPublisher,
  type DeclaredFeed,
  type Publisher,
  type PublisherOptions,
  type Update,
} from "../../src/publisher/index.ts";

// The compiler holds these: nothing here is run.

type Quote = { last: number; bid?: number; depth?: { asks: number[]; note?: string } };
/** As `typeof feeds`, of feeds that are declared in code. */
type Feeds = { stocks: DeclaredFeed<Quote>; "team-*": DeclaredFeed<{ name: string }>; free: DeclaredFeed };

const url = "http://feed.test";
const stocks = (): Publisher<Quote> => createPublisher<Feeds, "stocks">({ url, feed: "stocks" });

const team = () => createPublisher<Feeds, `team-${string}`>({ url, feed: "team-7" });
const only = () => createPublisher<Pick<Feeds, "stocks">>({ url, feed: "stocks" });

test("with the type of the declared feeds, a publisher knows the values of its feed", () => {
  expectTypeOf(stocks).returns.toEqualTypeOf<Publisher<Quote>>();
  expectTypeOf(team).returns.toEqualTypeOf<Publisher<{ name: string }>>();
  expectTypeOf(only).returns.toEqualTypeOf<Publisher<Quote>>();
  // @ts-expect-error -- no feed of that name is declared
  void (() => createPublisher<Feeds>({ url, feed: "stonks" }));
  expectTypeOf<PublisherOptions["feed"]>().toEqualTypeOf<string>();
});

test("what the feed's values are not does not compile", () => {
  void ((publisher: Publisher<Quote>) => {
    publisher.send({ key: "AAPL", set: { last: 1, depth: { asks: [1], note: "x" } } });
    publisher.send([{ key: "AAPL", patch: { bid: null, depth: { note: null } } }]);
    publisher.send([{ key: "AAPL", patch: { last: 2, depth: null }, version: 2, ttl: 60 }]);
    publisher.send({ key: "AAPL", delete: true });
    // @ts-expect-error -- a member is missing
    void publisher.publish({ key: "AAPL", set: { bid: 1 } });
    // @ts-expect-error -- no such member
    publisher.send({ key: "AAPL", set: { last: 1, price: 2 } });
    // @ts-expect-error -- another type
    publisher.send({ key: "AAPL", set: { last: "1" } });
    // @ts-expect-error -- an array
    publisher.send({ key: "AAPL", set: [{ last: 1 }] });
    // @ts-expect-error -- a function
    publisher.send({ key: "AAPL", set: () => ({ last: 1 }) });
    // @ts-expect-error -- a function inside
    publisher.send({ key: "AAPL", set: { last: () => 1 } });
    // @ts-expect-error -- no such member, in a patch
    publisher.send({ key: "AAPL", patch: { price: 2 } });
    // @ts-expect-error -- no such member, inside
    publisher.send({ key: "AAPL", patch: { depth: { bids: [] } } });
    // @ts-expect-error -- it must not be missing
    publisher.send({ key: "AAPL", patch: { last: null } });
    // @ts-expect-error -- two changes
    publisher.send({ key: "AAPL", patch: { last: 1 }, delete: true });
  });
});

test("if nothing is known of the values, they are objects", () => {
  interface Van {
    lat: number;
  }
  void ((publisher: Publisher, van: Van, updates: Update[]) => {
    publisher.send({ key: "van-7", set: van });
    publisher.send({ key: "van-7", set: { call: 1, at: new Date(0), list: [1] } });
    publisher.send({ key: "van-7", patch: { lat: null } });
    publisher.send(updates);
    // @ts-expect-error -- an array
    publisher.send({ key: "van-7", set: [van] });
    // @ts-expect-error -- a function
    publisher.send({ key: "van-7", set: () => van });
    // @ts-expect-error -- a Map
    publisher.send({ key: "van-7", set: new Map([["lat", 1]]) });
  });
  expectTypeOf(createPublisher<Feeds, "free">).returns.toEqualTypeOf<Publisher>();
  expectTypeOf(createPublisher({ url, feed: "vans" })).toEqualTypeOf<Publisher>();
});
