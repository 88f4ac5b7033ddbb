import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { connect, type DeclaredFeed, type Feed, type FeedOptions, type FeedStatus } from "../../src/client/index.ts";
import { msgpack } from "../../src/client/msgpack.ts";
import { useEntries, useEntry, useFeed, useFeedStatus, useKeys } from "../../src/react/index.ts";
import { FakeSocket, Socket } from "../client/support/fake-socket.ts";
import { happens, Stage } from "./stage.ts";

interface Quote {
  price: number;
}

const BASE = "https://feeds.test";
const HELLO = { type: "hello", epoch: "e1", seq: 1 };
const SNAPSHOT = { type: "snapshot", epoch: "e1", seq: 1, reason: "initial", entries: {} };
const { opened } = FakeSocket;

beforeEach(() => {
  opened.length = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  vi.stubGlobal("WebSocket", Socket);
});
afterEach(() => {
  linger();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Whether each connection that was opened is closed by now. */
const closed = (): boolean[] => opened.map(({ readyState }) => readyState > 1);

/** Until a connection that nobody uses any more is closed. */
const linger = (): unknown => vi.advanceTimersByTime(1_000);

const subscribes = (): string[] => FakeSocket.last.sent.filter((text) => text !== "ping");

/** A component that uses a feed, and the feeds that it got in each render. */
function user() {
  const given: (Feed<Quote> | undefined)[] = [];
  const Component = ({ name = "stocks", ...options }: { name?: string } & FeedOptions) => {
    given.push(useFeed<Quote>(BASE, name, options));
    return null;
  };
  return { given, Component };
}

describe("useFeed", () => {
  test("connects once the component is mounted, and closes when it goes", async () => {
    const { given, Component } = user();
    const stage = new Stage(Component);
    await stage.render({});
    expect(given.map((feed) => feed?.name)).toEqual([undefined, "stocks"]);
    await stage.render({});
    expect(closed()).toEqual([false]);
    await stage.unmount();
    linger();
    expect(closed()).toEqual([true]);
  });

  test("in StrictMode, which mounts twice, there is one connection all the time", async () => {
    const { given, Component } = user();
    const stage = new Stage(Component, { strict: true });
    await stage.render({});
    linger();
    expect(closed()).toEqual([false]);
    await happens(() => FakeSocket.last.say(HELLO, SNAPSHOT));
    expect(given.at(-1)?.state).toBe("live");
    await stage.unmount();
    linger();
    expect(closed()).toEqual([true]);
  });

  test("300 rows share one connection, and each renders again for its own entry alone", async () => {
    const keys = Array.from({ length: 300 }, (_, i) => `K${i}`);
    const renders = new Map<string, (number | undefined)[]>(keys.map((key) => [key, []]));
    const Row = ({ name }: { name: string }) => {
      const feed = useFeed<Quote>(BASE, "stocks", { keys: [name], token: () => "from a session" });
      renders.get(name)?.push(useEntry(feed, name)?.price);
      return null;
    };
    const Table = () => keys.map((key) => createElement(Row, { key, name: key }));
    const stage = new Stage(Table, { strict: true });
    await stage.render({});
    expect(opened).toHaveLength(1);
    expect(new URL(FakeSocket.last.url).searchParams.get("keys")?.split(",")).toEqual(keys.toSorted());
    const entries = Object.fromEntries(keys.map((key) => [key, { price: 1 }]));
    await happens(() => FakeSocket.last.say(HELLO, { ...SNAPSHOT, entries }));
    for (const list of renders.values()) list.length = 0;
    const updates = [{ key: "K7", patch: { price: 2 } }];
    await happens(() => FakeSocket.last.say({ type: "update", from: 1, seq: 2, updates }));
    expect([...renders].filter(([, list]) => list.length > 0).map(([key, list]) => [key, list.at(-1)])).toEqual([
      ["K7", 2],
    ]);
    expect(FakeSocket.last.sent).toEqual(["ping"]);
    await stage.unmount();
  });

  test("with share: false, a component has a connection for itself", async () => {
    const stages = [new Stage(user().Component), new Stage(user().Component)];
    for (const stage of stages) await stage.render({ share: false });
    expect(opened).toHaveLength(2);
    for (const stage of stages) await stage.unmount();
    expect(closed()).toEqual([true, true]);
  });

  test("options are compared by value: written anew in each render, they change nothing", async () => {
    const asked: string[] = [];
    const options = (name: string): FeedOptions => ({
      keys: ["AAPL", "tech.*"],
      hz: 4,
      token: () => (asked.push(name), name),
    });
    const stage = new Stage(user().Component);
    await stage.render(options("first"));
    FakeSocket.last.say(HELLO, SNAPSHOT);
    await stage.render(options("second"));
    expect([opened.length, FakeSocket.last.sent]).toEqual([1, ["ping"]]);
    FakeSocket.last.end(1012);
    vi.advanceTimersByTime(1_000);
    expect(asked).toEqual(["first", "second"]);
    await stage.unmount();
  });

  test("another selection is selected on the live connection, once", async () => {
    const stage = new Stage(user().Component, { strict: true });
    await stage.render({ keys: ["AAPL"] });
    FakeSocket.last.say(HELLO, SNAPSHOT);
    await stage.render({ keys: ["MSFT"], hz: 2 });
    await stage.render({ keys: ["MSFT"], hz: 2 });
    expect(subscribes()).toEqual(['{"type":"subscribe","keys":["AAPL","MSFT"],"id":1}']);
    await happens(() => FakeSocket.last.say({ ...SNAPSHOT, reason: "subscribe", id: 1 }));
    await happens(linger);
    expect(subscribes().at(-1)).toBe('{"type":"subscribe","keys":["MSFT"],"hz":2,"id":2}');
    expect(opened).toHaveLength(1);
    await stage.unmount();
  });

  test("another feed is another connection, and the old one's entries are not shown under its name", async () => {
    const { given, Component } = user();
    const stage = new Stage(Component);
    await stage.render({ name: "stocks", keys: ["AAPL"] });
    await stage.render({ name: "bonds", keys: ["B"] });
    linger();
    expect(closed()).toEqual([true, false]);
    expect(FakeSocket.last.url).toBe("wss://feeds.test/v1/feeds/bonds?keys=B");
    expect(given.slice(given.lastIndexOf(undefined)).map((feed) => feed?.name)).toEqual([undefined, "bonds"]);
    await stage.render({ name: "bonds", keys: ["B"], token: "secret" });
    expect(FakeSocket.last.protocols).toContain("bearer.secret");
    await stage.render({ name: "bonds", keys: ["B"], token: "secret", format: msgpack });
    await stage.render({ name: "bonds", keys: ["B"], token: "secret", format: { ...msgpack } });
    expect(opened).toHaveLength(4);
    expect(FakeSocket.last.protocols).toContain(msgpack.protocol);
    await stage.unmount();
  });
});

describe("reading a feed", () => {
  let feed: Feed<Quote>;
  beforeEach(() => void (feed = connect<Quote>(BASE, "stocks")));
  afterEach(() => feed.close());

  /** The server says what a key's value is. */
  const set = (key: string, price: number): Promise<void> =>
    happens(() =>
      FakeSocket.last.say({ ...SNAPSHOT, entries: { ...Object.fromEntries(feed.entries()), [key]: { price } } }),
    );

  test("useEntry renders again only when its key's value changes", async () => {
    const seen: (Quote | undefined)[] = [];
    const stage = new Stage(({ name }: { name: string }) => {
      seen.push(useEntry(feed, name));
      return null;
    });
    await stage.render({ name: "AAPL" });
    await set("MSFT", 1);
    expect(seen).toEqual([undefined]);
    await set("AAPL", 2);
    expect(seen).toEqual([undefined, { price: 2 }]);
    await stage.render({ name: "MSFT" });
    expect(seen.at(-1)).toEqual({ price: 1 });
    await stage.unmount();
  });

  test("a component that goes leaves no listener", async () => {
    let listeners = 0;
    vi.spyOn(feed, "on").mockImplementation(() => {
      listeners++;
      return () => void listeners--;
    });
    const stage = new Stage(({ name }: { name: string }) => (useEntry(feed, name), null));
    await stage.render({ name: "AAPL" });
    await stage.render({ name: "MSFT" });
    expect(listeners).toBe(2);
    await stage.unmount();
    expect(listeners).toBe(0);
  });

  test("useFeedStatus and useEntries follow the feed; without one they are empty", async () => {
    const seen: [string, number][] = [];
    const stage = new Stage(({ feed }: { feed: Feed<Quote> | undefined }) => {
      seen.push([useFeedStatus(feed).state, useEntries(feed).size]);
      return null;
    });
    await stage.render({ feed: undefined });
    await stage.render({ feed });
    await happens(() => FakeSocket.last.say(HELLO, SNAPSHOT));
    await set("AAPL", 2);
    expect(seen.at(0)).toEqual(["connecting", 0]);
    expect(seen.slice(-2)).toEqual([
      ["live", 0],
      ["live", 1],
    ]);
    await stage.unmount();
  });

  test("useKeys renders again only when a key comes or goes", async () => {
    const seen: (readonly string[])[] = [];
    const stage = new Stage(() => {
      seen.push(useKeys(feed));
      return null;
    });
    await stage.render({});
    await set("AAPL", 1);
    await set("AAPL", 2);
    await set("MSFT", 1);
    await happens(() => FakeSocket.last.say({ ...SNAPSHOT, entries: { MSFT: { price: 1 } } }));
    expect(seen).toEqual([[], ["AAPL"], ["AAPL", "MSFT"], ["MSFT"]]);
    await stage.unmount();
  });

  function Page() {
    const own = useFeed<Quote>(BASE, "bonds");
    const entry = JSON.stringify(useEntry(feed, "AAPL") ?? null);
    return createElement("p", null, useFeedStatus(own).state, useEntries(feed).size, entry);
  }

  test("on a server nothing is connected, and the page shows a feed that is connecting", async () => {
    await set("AAPL", 2);
    expect(renderToString(createElement(Page)).replaceAll("<!-- -->", "")).toBe("<p>connecting0null</p>");
    expect(opened).toHaveLength(1);
  });
});

describe("a page that a server has rendered", () => {
  const initial = { epoch: "e1", seq: 7, entries: { AAPL: { price: 1 }, MSFT: { price: 2 } } };
  const useWords = (): string => {
    const feed = useFeed<Quote>(BASE, "stocks", { keys: ["AAPL"], initial });
    return [useKeys(feed).join(), useEntry(feed, "AAPL")?.price, useFeedStatus(feed).state].join(" ");
  };

  const Rendered = () => createElement("p", null, useWords());

  test("shows what it begins with, there and here, and goes on from there", async () => {
    expect(renderToString(createElement(Rendered))).toBe("<p>AAPL 1 recovering</p>");
    expect(opened).toHaveLength(0);
    const seen: string[] = [];
    const stage = new Stage(() => {
      seen.push(useWords());
      return null;
    });
    await stage.render({});
    expect(new URL(FakeSocket.last.url).search).toBe("?keys=AAPL&since=e1%3A7");
    const updates = [{ key: "AAPL", patch: { price: 3 } }];
    await happens(() => FakeSocket.last.say({ ...HELLO, seq: 8 }, { type: "update", from: 7, seq: 8, updates }));
    expect([...new Set(seen)]).toEqual(["AAPL 1 recovering", "AAPL 3 live"]);
    await stage.unmount();
  });
});

const untyped = () => useFeed(BASE, "stocks");

test("types", () => {
  expectTypeOf(untyped).returns.toEqualTypeOf<Feed<Record<string, unknown>> | undefined>();
  expectTypeOf<ReturnType<typeof useFeed<Quote>>>().toEqualTypeOf<Feed<Quote> | undefined>();
  type Cut = Feed<Pick<Quote, "price">, Quote> | undefined;
  expectTypeOf<ReturnType<typeof useFeed<Quote, "price">>>().toEqualTypeOf<Cut>();
  type Feeds = { stocks: DeclaredFeed<Quote>; bonds: DeclaredFeed };
  expectTypeOf<ReturnType<typeof useFeed<Feeds, "stocks", "price">>>().toEqualTypeOf<Cut>();
  expectTypeOf(useEntry<Quote>).returns.toEqualTypeOf<Quote | undefined>();
  expectTypeOf(useEntries<Quote>).returns.toEqualTypeOf<ReadonlyMap<string, Quote>>();
  expectTypeOf(useFeedStatus).returns.toEqualTypeOf<FeedStatus>();
});
