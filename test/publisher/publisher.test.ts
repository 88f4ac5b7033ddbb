import type { InferOutput } from "valibot";
import { afterEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { createPublisher, PublisherFullError, type Receipt, type Update } from "../../src/publisher/index.ts";
import type { receiptAnswerSchema } from "../../src/protocol/answers.ts";
import { PublishEndpoint } from "./publish-endpoint.ts";
import { count, often, outcome, setUp, tick } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

test("a receipt has the type of the server's answer", () => {
  expectTypeOf<Receipt>().toEqualTypeOf<Readonly<InferOutput<typeof receiptAnswerSchema>>>();
});

describe("publishing", () => {
  test("updates arrive in their order with the key, one POST at a time", async () => {
    const { publisher, server, statuses } = setUp();
    for (const update of count(20)) {
      void publisher.publish(update);
      if (Number(update.patch?.["n" as never]) % 3 === 0) await Promise.resolve();
    }
    expect(await outcome(publisher.flush())).toEqual({ value: undefined });
    expect(server.applied).toEqual(count(20));
    expect(server.mostInFlight).toBe(1);
    expect(server.seen.length).toBeGreaterThan(1);
    expect(new Set(server.seen.map(({ key }) => key)).size).toBe(server.seen.length);
    expect(server.seen[0]).toMatchObject({
      url: "http://feed.test/v1/feeds/stocks",
      authorization: "Bearer publish-key",
    });
    expect(statuses).toEqual([]);
  });

  test("calls made in one go share a POST, and its receipt", async () => {
    const { publisher, server } = setUp();
    const receipts = Promise.all([publisher.publish(count(2)), publisher.publish(tick("MSFT", 1))]);
    const receipt = { feed: "stocks", epoch: "first", seq: 3, accepted: 3, stale: 0 };
    expect(await outcome(receipts)).toEqual({ value: [receipt, receipt] });
    expect(server.seen).toHaveLength(1);
  });

  test("a batch is never split over two POSTs", async () => {
    const { publisher, server } = setUp([], { batchUpdates: 10 });
    for (const size of [6, 3, 4, 25, 1]) void publisher.publish(count(size));
    await outcome(publisher.flush());
    expect(server.seen.map(({ body }) => JSON.parse(body).length)).toEqual([9, 4, 25, 1]);
  });

  test("a POST gathers up to batchBytes, and no more", async () => {
    const body = JSON.stringify([tick("AAPL", 1), tick("AAPL", 2)]);
    for (const [batchBytes, posts] of [
      [body.length, 1],
      [body.length - 1, 2],
    ]) {
      const { publisher, server } = setUp([], { batchBytes });
      void publisher.publish(tick("AAPL", 1));
      void publisher.publish(tick("AAPL", 2));
      await outcome(publisher.flush());
      expect(server.seen).toHaveLength(posts ?? 0);
    }
  });

  test("what was published is sent, whatever the caller does to its object afterwards", async () => {
    const { publisher, server } = setUp();
    const value = { n: 1 };
    void publisher.publish({ key: "A", set: value });
    value.n = 2;
    await outcome(publisher.flush());
    expect(server.applied).toEqual([{ key: "A", set: { n: 1 } }]);
  });

  test("a large body goes out gzipped, a small one as it is", async () => {
    const server = new PublishEndpoint(() => "accept");
    const publisher = createPublisher({ url: "http://feed.test/live/", feed: "stocks", fetch: server.fetch });
    await publisher.publish(count(10));
    await publisher.publish(count(1_000));
    expect(server.seen.map(({ encoding }) => encoding)).toEqual([null, "gzip"]);
    expect(server.seen[0]?.url).toBe("http://feed.test/live/v1/feeds/stocks");
    expect(server.applied).toEqual([...count(10), ...count(1_000)]);
  });

  test("a number that is not above 0 is refused by name", () => {
    expect(() => createPublisher({ url: "http://feed.test", feed: "stocks", maxPending: 0 })).toThrow(
      new RangeError("maxPending is not above 0: 0"),
    );
  });

  test("an option that there is not is refused by name", () => {
    const server = { url: "http://feed.test", feed: "stocks" };
    // Not allowed by the types.
    expect(() => createPublisher({ ...server, transport: "sockets" as "auto" })).toThrow(
      new TypeError("transport is none of auto, websocket, http: sockets"),
    );
    expect(() => createPublisher({ ...server, whenFull: "drop" as "wait" })).toThrow(
      new TypeError("whenFull is none of conflate, drop-oldest, wait: drop"),
    );
  });

  test.each([undefined, "feed.test", "ftp://feed.test", "http:"])("the url %s is refused by name", (url) => {
    // Not allowed by the types.
    expect(() => createPublisher({ url: url as string, feed: "stocks" })).toThrow(
      new TypeError(`url is not an http address: ${url}`),
    );
  });

  test.each<[what: string, updates: unknown, type: ErrorConstructor, message: RegExp]>([
    ["nothing", null, TypeError, /^An update is an object with a key .* not null\.$/],
    ["nothing in a batch", [{ key: "A", set: {} }, undefined], TypeError, /^An update is .* not undefined\.$/],
    ["text", "A", TypeError, /^An update is an object .* not "A"\.$/],
    ["a list in a batch", [[{ key: "A", set: {} }]], TypeError, /^An update is an object/],
    ["a BigInt", { key: "A", set: { size: 1n } }, TypeError, /^size is a BigInt/],
    ["a BigInt deep inside", { key: "A", set: { a: [{ b: 1n }] } }, TypeError, /^b is a BigInt/],
    ["a Map", { key: "A", set: new Map([["a", 1]]) }, TypeError, /^set is a BigInt, Map or Set: give /],
    ["a Map deep inside", { key: "A", patch: { prices: new Map() } }, TypeError, /^prices is a /],
    ["a Set", { key: "A", set: { tags: new Set(["a"]) } }, TypeError, /^tags is a /],
    ["a NaN, which JSON would write as null", { key: "A", patch: { n: Number.NaN } }, RangeError, /^n is NaN/],
    ["no updates", [], RangeError, /is empty/],
    ["more than 1,000 updates", count(1_001), RangeError, /1001 updates/],
    ["more than 1 MiB", often(40, { key: "A", set: { text: "é".repeat(15_000) } }), RangeError, /bytes as JSON/],
  ])("%s is refused at once with an error that says what is allowed", async (_, updates, type, message) => {
    const { publisher, server } = setUp([]);
    const refused = publisher.publish(updates as Update);
    await expect(refused).rejects.toThrow(type);
    await expect(refused).rejects.toThrow(message);
    expect([publisher.pending, server.seen]).toEqual([0, []]);
  });

  test("null is data, and an object with a toJSON is taken", async () => {
    const { publisher, server } = setUp([]);
    const size = Object.assign(Object(1n) as object, { toJSON: () => "1" });
    await publisher.publish({ key: "A", set: { size, at: new Date(0), none: {}, nothing: null } });
    expect(server.applied).toMatchObject([
      { key: "A", set: { size: "1", at: "1970-01-01T00:00:00.000Z", none: {}, nothing: null } },
    ]);
  });
});

describe("back-pressure", () => {
  test("over maxPending publish rejects, and ready resolves when there is room", async () => {
    const { publisher, server } = setUp(["lost"], { maxPending: 5 });
    const first = publisher.publish(count(4));
    await publisher.ready();
    await expect(publisher.publish(count(2))).rejects.toBeInstanceOf(PublisherFullError);
    void publisher.publish(tick("B", 1));
    let room = false;
    const ready = publisher.ready().then(() => (room = true));
    await vi.advanceTimersByTimeAsync(0);
    expect([room, publisher.pending]).toEqual([false, 5]);
    await outcome(first);
    await ready;
    await outcome(publisher.flush());
    expect(publisher.pending).toBe(0);
    expect(server.applied).toEqual([...count(4), tick("B", 1)]);
  });

  test("a batch larger than maxPending is taken when nothing waits", async () => {
    const { publisher, server } = setUp([], { maxPending: 5 });
    await outcome(publisher.publish(count(10)));
    expect(server.applied).toHaveLength(10);
  });
});

const set = (key: string, n: number, version?: number) => ({ key, set: { n }, ...(version && { version }) });

describe("conflate", () => {
  test("while they wait, a set replaces an earlier one, and both get the same outcome", async () => {
    const { publisher, server } = setUp(["lost"], { conflate: true, maxPending: 3 });
    const first = publisher.publish(set("A", 0));
    await vi.advanceTimersByTimeAsync(0);
    const receipts = [1, 2, 3].map((n) => publisher.publish(set("A", n)));
    for (const n of [1, 2, 3]) receipts.push(publisher.publish(set("B", n)));
    expect(publisher.pending).toBe(3);
    await outcome(Promise.all([first, ...receipts]));
    expect(server.applied).toEqual([set("A", 0), set("A", 3), set("B", 3)]);
    expect(new Set(await Promise.all(receipts)).size).toBe(1);
  });

  test.for([
    ["a patch of the key in between", [set("A", 1), tick("A", 2), set("A", 3)]],
    ["a deletion in between", [set("A", 1), { key: "A", delete: true } as const, set("A", 3)]],
    ["a batch", [set("A", 1), [set("A", 2)], set("A", 3)]],
    ["a version that may turn out to be stale", [set("A", 1), set("A", 2, 5), set("A", 3, 5), set("A", 4)]],
  ] as const)("%s stays", async ([, calls]) => {
    const { publisher, server } = setUp([], { conflate: true });
    for (const call of calls) void publisher.publish(call);
    await outcome(publisher.flush());
    expect(server.applied).toEqual(calls.flat());
  });

  test("a higher version replaces a lower one", async () => {
    const { publisher, server } = setUp([], { conflate: true });
    for (const version of [1, 2, 3]) void publisher.publish(set("A", version, version));
    await outcome(publisher.flush());
    expect(server.applied).toEqual([set("A", 3, 3)]);
  });

  test("what flush waits for is not replaced by what comes later", async () => {
    const { publisher, server } = setUp([], { conflate: true });
    void publisher.publish(set("A", 1));
    const flushed = publisher.flush();
    void publisher.publish(set("A", 2));
    await outcome(flushed);
    expect(server.applied).toEqual([set("A", 1), set("A", 2)]);
  });

  test("without it, nothing is merged", async () => {
    const { publisher, server } = setUp();
    for (const n of [1, 2, 3]) void publisher.publish(set("A", n));
    await outcome(publisher.flush());
    expect(server.applied).toHaveLength(3);
  });
});
