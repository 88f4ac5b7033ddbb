import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import type { Feed, FeedOptions, FeedStatus } from "../../src/client/index.ts";
import { msgpack } from "../../src/client/msgpack.ts";
import { useEntries, useEntry, useFeed, useFeedStatus } from "../../src/react/index.ts";
import { FakeFeed } from "./fake-feed.ts";
import { happens, Stage } from "./stage.ts";

interface Quote {
  price: number;
}

const opened: FakeFeed<Quote>[] = [];
vi.mock("../../src/client/index.ts", () => ({
  connect: (base: string, name: string, options: FeedOptions) => {
    const feed = new FakeFeed<Quote>(`${base}/${name}`, options);
    opened.push(feed);
    return feed;
  },
}));
beforeEach(() => void opened.splice(0));

const BASE = "https://feeds.example.com";

/** A component that uses a feed, and the names that it got in each render. */
function user() {
  const given: (string | undefined)[] = [];
  const Component = ({ base = BASE, name = "stocks", ...options }: { base?: string; name?: string } & FeedOptions) => {
    given.push(useFeed<Quote>(base, name, options)?.name);
    return null;
  };
  return { given, Component };
}

describe("useFeed", () => {
  test("connects once the component is mounted, and closes when it goes", async () => {
    const { given, Component } = user();
    const stage = new Stage(Component);
    await stage.render({});
    expect(given).toEqual([undefined, `${BASE}/stocks`]);
    await stage.render({});
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([false]);
    await stage.unmount();
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  test("in StrictMode, one connection is left open, and it is the one that is shown", async () => {
    const feeds: (Feed<Quote> | undefined)[] = [];
    const Component = () => {
      feeds.push(useFeed<Quote>(BASE, "stocks"));
      return null;
    };
    const stage = new Stage(Component, { strict: true });
    await stage.render({});
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(feeds.at(-1)).toBe(opened[1]);
    await stage.unmount();
    expect(opened.every(({ isClosed }) => isClosed)).toBe(true);
  });

  test("options are compared by value: written anew in each render, they change nothing", async () => {
    const stage = new Stage(user().Component);
    await stage.render({ keys: ["AAPL", "tech.*"], hz: 4, token: () => "first" });
    await stage.render({ keys: ["AAPL", "tech.*"], hz: 4, token: () => "second" });
    expect(opened).toHaveLength(1);
    expect(opened[0]?.selections).toEqual([]);
    const token = opened[0]?.options.token;
    expect(typeof token === "function" && token()).toBe("second");
    await stage.unmount();
  });

  test("another selection is selected on the live connection, once", async () => {
    const stage = new Stage(user().Component, { strict: true });
    await stage.render({ keys: ["AAPL"] });
    await stage.render({ keys: ["MSFT"], mode: "all" });
    await stage.render({ keys: ["MSFT"], mode: "all" });
    expect(opened).toHaveLength(2);
    expect(opened[1]?.selections).toEqual([{ keys: ["MSFT"], hz: undefined, mode: "all" }]);
    await stage.unmount();
  });

  test("another feed is another connection, and the old one's entries are not shown under its name", async () => {
    const { given, Component } = user();
    const stage = new Stage(Component);
    await stage.render({ name: "stocks", keys: ["AAPL"] });
    await stage.render({ name: "bonds", keys: ["B"] });
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(opened[1]).toMatchObject({ options: { keys: ["B"] }, selections: [] });
    const bonds = given.slice(given.lastIndexOf(undefined));
    expect(bonds).toEqual([undefined, `${BASE}/bonds`]);
    await stage.render({ name: "bonds", keys: ["B"], token: "secret" });
    expect(opened[2]?.options.token).toBe("secret");
    await stage.render({ name: "bonds", keys: ["B"], token: "secret", format: msgpack });
    await stage.render({ name: "bonds", keys: ["B"], token: "secret", format: { ...msgpack } });
    expect(opened).toHaveLength(4);
    expect(opened[3]?.options.format).toBe(msgpack);
    await stage.unmount();
  });
});

describe("reading a feed", () => {
  test("useEntry renders again only when its key's value changes", async () => {
    const feed = new FakeFeed<Quote>();
    const seen: (Quote | undefined)[] = [];
    const stage = new Stage(({ name }: { name: string }) => {
      seen.push(useEntry(feed, name));
      return null;
    });
    await stage.render({ name: "AAPL" });
    await happens(() => feed.set("MSFT", { price: 1 }));
    await happens(() => feed.setState("live"));
    expect(seen).toEqual([undefined]);
    await happens(() => feed.set("AAPL", { price: 2 }));
    expect(seen).toEqual([undefined, { price: 2 }]);
    await stage.render({ name: "MSFT" });
    expect(seen.at(-1)).toEqual({ price: 1 });
    expect(feed.listeners).toBe(1);
    await stage.unmount();
    expect(feed.listeners).toBe(0);
  });

  test("useFeedStatus and useEntries follow the feed; without one they are empty", async () => {
    const feed = new FakeFeed<Quote>();
    const seen: [string, number][] = [];
    const stage = new Stage(({ feed }: { feed: Feed<Quote> | undefined }) => {
      seen.push([useFeedStatus(feed).state, useEntries(feed).size]);
      return null;
    });
    await stage.render({ feed: undefined });
    await stage.render({ feed });
    await happens(() => feed.setState("live"));
    await happens(() => feed.set("AAPL", { price: 2 }));
    expect(seen.at(0)).toEqual(["connecting", 0]);
    expect(seen.slice(-2)).toEqual([
      ["live", 0],
      ["live", 1],
    ]);
    await stage.unmount();
  });
});

test("on a server nothing is connected, and the page shows a feed that is connecting", () => {
  const feed = new FakeFeed<Quote>();
  feed.set("AAPL", { price: 2 });
  function Page() {
    const own = useFeed<Quote>(BASE, "stocks");
    return createElement(
      "p",
      null,
      useFeedStatus(own).state,
      useEntries(feed).size,
      JSON.stringify(useEntry(feed, "AAPL") ?? null),
    );
  }
  expect(renderToString(createElement(Page)).replaceAll("<!-- -->", "")).toBe("<p>connecting0null</p>");
  expect(opened).toEqual([]);
});

const untyped = () => useFeed(BASE, "stocks");

test("types", () => {
  expectTypeOf(untyped).returns.toEqualTypeOf<Feed<Record<string, unknown>> | undefined>();
  expectTypeOf(useFeed<Quote>).returns.toEqualTypeOf<Feed<Quote> | undefined>();
  expectTypeOf(useEntry<Quote>).returns.toEqualTypeOf<Quote | undefined>();
  expectTypeOf(useEntries<Quote>).returns.toEqualTypeOf<ReadonlyMap<string, Quote>>();
  expectTypeOf(useFeedStatus).returns.toEqualTypeOf<FeedStatus>();
  expectTypeOf(useFeed).parameter(2).toEqualTypeOf<FeedOptions | undefined>();
});
