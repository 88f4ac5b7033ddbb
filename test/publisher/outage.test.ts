import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createPublisher,
  PublisherClosedError,
  PublisherFullError,
  PublishRefusedError,
  type PublisherOptions,
  type Update,
} from "../../src/publisher/index.ts";
import { count, MINUTE, often, outcome, pass, setUp, tick } from "./set-up.ts";

const unhandled = vi.fn();
beforeEach(() => void process.on("unhandledRejection", unhandled));
afterEach(() => {
  process.off("unhandledRejection", unhandled);
  vi.useRealTimers();
  vi.restoreAllMocks();
  expect(unhandled).not.toHaveBeenCalled();
});

const set = (key: string, n: number): Update => ({ key, set: { n } });

/** A publisher whose server is away, and its failures that nobody took. */
function setUpAway(options: Partial<PublisherOptions> = {}) {
  let isAway = true;
  const all = setUp([], {
    maxPending: 10,
    ...options,
    fetch: async (...request) => {
      if (isAway)
        throw new TypeError("fetch failed", { cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) });
      return all.server.fetch(...request);
    },
  });
  const errors: [Error, readonly Update[]][] = [];
  all.publisher.on("error", (...told) => errors.push(told));
  const back = async () => {
    isAway = false;
    await pass(MINUTE);
  };
  return { ...all, errors, back };
}

describe("a live source whose server is away", () => {
  test("goes on with `send`: of each key the latest arrives, and no more waits than may", async () => {
    const { publisher, server, errors, back } = setUpAway();
    for (let n = 1; n <= 1_000; n++) {
      publisher.send({ key: `K${n % 3}`, patch: { [`field${n % 2}`]: n } });
      expect(publisher.pending).toBeLessThanOrEqual(10);
      if (n % 50 === 0) await pass(100);
    }
    await back();
    expect([publisher.pending, publisher.dropped, errors]).toEqual([0, 0, []]);
    const last = Object.assign({}, ...server.applied.map(({ key, patch }) => ({ [key]: patch })));
    expect(last).toEqual({
      K0: { field0: 996, field1: 999 },
      K1: { field0: 1_000, field1: 997 },
      K2: { field0: 998, field1: 995 },
    });
  });

  test("goes on with `publish`, if nobody takes the promises, and they get the receipts", async () => {
    const { publisher, server, errors, back } = setUpAway();
    const receipts = Array.from({ length: 100 }, (_, n) => publisher.publish(set("A", n)));
    await back();
    expect(server.applied.at(-1)).toEqual(set("A", 99));
    expect(server.applied.length).toBeLessThanOrEqual(10);
    expect(await Promise.all(receipts)).toHaveLength(100);
    expect(errors).toEqual([]);
  });

  test("batches that share keys become one batch, seen whole", async () => {
    const { publisher, server, back } = setUpAway();
    for (let n = 1; n <= 20; n++) publisher.send([set("A", n), set("B", n), set("C", n)]);
    publisher.send([set("C", 21), set("D", 21)]);
    await back();
    const [body] = server.seen.slice(-1).map(({ body }) => JSON.parse(body));
    expect(body).toEqual([set("C", 21), set("D", 21), set("A", 20), set("B", 20)]);
  });

  test("with more keys than may wait, the oldest are dropped, counted, and told of once", async () => {
    const { publisher, server, errors, back } = setUpAway();
    for (let n = 1; n <= 30; n++) publisher.send(set(`K${n}`, n));
    expect([publisher.pending, publisher.dropped]).toEqual([10, 20]);
    await back();
    expect(server.applied.slice(-10).map(({ key }) => key)).toContain("K30");
    expect(errors).toEqual([[expect.any(PublisherFullError), [set("K1", 1)]]]);
    await expect(publisher.flush()).rejects.toBeInstanceOf(PublisherFullError);
    await publisher.flush();
  });

  test("`drop-oldest` keeps the newest as they are", async () => {
    const { publisher, server, errors, back } = setUpAway({ whenFull: "drop-oldest" });
    for (let n = 1; n <= 100; n++) publisher.send(set("A", n));
    expect([publisher.pending, publisher.dropped, errors.length]).toEqual([10, 90, 1]);
    await back();
    expect(server.applied).toEqual(Array.from({ length: 10 }, (_, n) => set("A", 91 + n)));
    publisher.send(set("A", 101));
    await outcome(publisher.flush());
    expect([publisher.dropped, errors.length]).toEqual([90, 1]);
  });

  test("`wait` takes everything, and `ready` holds back who waits for it", async () => {
    const { publisher, server, back } = setUpAway({ whenFull: "wait" });
    for (let n = 1; n <= 100; n++) publisher.send(set("A", n));
    let isReady = false;
    const ready = publisher.ready().then(() => (isReady = true));
    await pass(0);
    expect([publisher.pending, publisher.dropped, isReady]).toEqual([100, 0, false]);
    await back();
    await ready;
    expect(server.applied).toHaveLength(100);
  });

  test("what somebody waits for is neither merged nor dropped: there is no room for more", async () => {
    const { publisher, server, errors, back } = setUpAway();
    const receipts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => outcomeLater(publisher.publish(set("A", n))));
    const refused = outcomeLater(publisher.publish(set("A", 11)));
    expect(await refused).toMatchObject({ name: "PublisherFullError" });
    publisher.send(set("B", 1));
    expect([publisher.dropped, errors.length]).toEqual([1, 1]);
    await back();
    expect(server.applied).toEqual(Array.from({ length: 10 }, (_, n) => set("A", n + 1)));
    expect(await Promise.all(receipts)).toMatchObject(Array.from({ length: 10 }, () => ({ feed: "stocks" })));
  });

  test("an update that somebody waits for stays between those that nobody waits for", async () => {
    const { publisher, server, back } = setUpAway();
    for (let n = 1; n <= 8; n++) publisher.send(set("A", n));
    const deleted = outcomeLater(publisher.publish({ key: "A", delete: true }));
    await pass(0);
    for (let n = 9; n <= 20; n++) publisher.send({ key: "A", patch: { n } });
    await back();
    expect(server.applied.slice(-2)).toEqual([
      { key: "A", delete: true },
      { key: "A", patch: { n: 20 } },
    ]);
    expect(await deleted).toMatchObject({ feed: "stocks" });
  });

  test("a batch stays before what somebody waits for, also if another of its keys comes again", async () => {
    const { publisher, server, back } = setUpAway();
    publisher.send(set("noticed", 0));
    await pass(1_000);
    publisher.send([set("A", 1), set("B", 1)]);
    const deleted = outcomeLater(publisher.publish({ key: "B", delete: true }));
    await pass(0);
    for (let n = 2; n <= 20; n++) publisher.send(set("A", n));
    await back();
    expect(await deleted).toMatchObject({ feed: "stocks" });
    expect(server.applied.findLast(({ key }) => key === "B")).toEqual({ key: "B", delete: true });
    expect(server.applied.at(-1)).toEqual(set("A", 20));
  });
});

describe("failures that nobody waits for", () => {
  test("are events with what was not published, and `flush` throws the first", async () => {
    const { publisher } = setUp([{ status: 422, body: { code: "invalid_update" } }, "accept"]);
    const errors: [Error, readonly Update[]][] = [];
    publisher.on("error", (...told) => errors.push(told));
    publisher.send({ key: "A", set: { n: Number.NaN } });
    publisher.send(set("A", 1));
    expect(await outcome(publisher.flush())).toMatchObject({ error: new RangeError("n is NaN, not a number.") });
    expect(errors).toMatchObject([
      [new RangeError("n is NaN, not a number."), [{ key: "A" }]],
      [{ name: "PublishRefusedError", code: "invalid_update" }, [set("A", 1)]],
    ]);
    await outcome(publisher.close());
    publisher.send(set("A", 2));
    expect(errors.at(-1)).toEqual([expect.any(PublisherClosedError), [set("A", 2)]]);
  });

  test("are no events if somebody waits for them", async () => {
    const { publisher } = setUp([{ status: 422 }]);
    const errors: unknown[] = [];
    publisher.on("error", (error) => errors.push(error));
    void publisher.publish([]);
    await expect(publisher.publish([])).rejects.toBeInstanceOf(RangeError);
    await expect(Promise.all([publisher.publish([]), publisher.flush()])).rejects.toBeInstanceOf(RangeError);
    const refused = publisher.publish(set("A", 1));
    expect(await outcome(refused)).toMatchObject({ error: expect.any(PublishRefusedError) });
    expect(errors).toEqual([expect.any(RangeError)]);
  });

  test("go to the console once, if nobody listens", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    vi.useFakeTimers();
    const publisher = createPublisher({ url: "http://feed.test", feed: "stocks" });
    for (let i = 0; i < 10; i++) publisher.send([]);
    void publisher.publish([]);
    await pass(0);
    expect(error.mock.calls).toEqual([[expect.stringContaining("Not published"), expect.any(RangeError)]]);
  });
});

test("ready waits for room for so many, or for all to be gone", async () => {
  const { publisher } = setUp(often(3, "lost"), { maxPending: 5 });
  publisher.send(count(3));
  await publisher.ready(2);
  const order: number[] = [];
  const waits = [3, 100].map((n) => publisher.ready(n).then(() => order.push(n)));
  await pass(0);
  expect(order).toEqual([]);
  await outcome(Promise.all(waits));
  expect(order).toEqual([3, 100]);
  await expect(publisher.ready(0)).rejects.toBeInstanceOf(RangeError);
});

test("it needs nothing that Node 20 lacks", async () => {
  const { withResolvers } = Object.getOwnPropertyDescriptors(Promise);
  Reflect.deleteProperty(Promise, "withResolvers");
  vi.stubGlobal("WebSocket", undefined);
  vi.stubGlobal("navigator", undefined);
  try {
    const { publisher, server } = setUp([], { maxPending: 5 });
    publisher.send(count(5));
    const ready = publisher.ready().then(() => publisher.publish(tick("B", 1)));
    expect(await outcome(ready)).toMatchObject({ value: { seq: 6 } });
    await outcome(publisher.close());
    expect(server.applied).toHaveLength(6);
  } finally {
    if (withResolvers) Object.defineProperty(Promise, "withResolvers", withResolvers);
    vi.unstubAllGlobals();
  }
});

/** Takes the promise at once. */
function outcomeLater<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((error: Error) => error);
}
