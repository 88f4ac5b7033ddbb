import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BATCH_MAX, Publisher, type Ending, type Events } from "../../src/demo/publisher.ts";
import { seededRandom } from "../../src/demo/random.ts";
import type { Fields, Update } from "../../src/demo/update.ts";
import { applyTo, FakeServer, type Fate } from "./fake-server.ts";

const START = Date.UTC(2026, 0, 5, 14, 30);

/** A publisher, a server with these fates in turn (`accept` from then on), and a clock that only sleeping moves. */
function setUp(fates: readonly Fate[], events: Events = {}, onSleep: (ms: number) => void = () => {}) {
  let now = START;
  let keys = 0;
  const server = new FakeServer(
    (index) => fates[index] ?? "accept",
    () => now,
  );
  const sleeps: number[] = [];
  const publisher = new Publisher(
    { url: "http://feed.test/v1/feeds/stocks", key: "publish-key" },
    {
      fetch: server.fetch,
      now: () => now,
      random: seededRandom(1),
      sleep: async (ms) => {
        sleeps.push(ms);
        now += ms;
        onSleep(ms);
      },
      newKey: () => `key-${++keys}`,
    },
    events,
  );
  return { publisher, server, sleeps };
}

/** Runs until everything is delivered, or it ends otherwise. */
function finish(publisher: Publisher): Promise<Ending> {
  publisher.close();
  return publisher.run(new AbortController().signal);
}

const tick = (key: string, fields: Fields): Update => ({ key, patch: fields });
const often = (times: number, fate: Fate) => Array.from({ length: times }, () => fate);
const count = (length: number) => Array.from({ length }, (_, n) => tick("AAPL", { n }));

/** Updates of a few keys, so that those of one key meet. */
const updates: fc.Arbitrary<Update[]> = fc.array(
  fc
    .tuple(
      fc.constantFrom("A", "B", "C"),
      fc.dictionary(fc.constantFrom("x", "y", "z"), fc.option(fc.integer())),
      fc.constantFrom("set", "patch", "patch", "patch", "delete"),
    )
    .map(([key, fields, kind]): Update => {
      if (kind === "delete") return { key, delete: true };
      if (kind === "patch") return { key, patch: fields };
      return { key, set: fields };
    }),
  { maxLength: 40 },
);
const fates = fc.array(
  fc.constantFrom<Fate>("accept", "lost", "receipt lost", { status: 503 }, { status: 429 }, { status: 500 }),
  { maxLength: 30 },
);

describe("while all goes well", () => {
  test("updates arrive in their order, with the key, one POST at a time", async () => {
    const { publisher, server, sleeps } = setUp([]);
    const running = publisher.run(new AbortController().signal);
    for (const update of count(20)) {
      publisher.add([update]);
      if (Number("patch" in update && update.patch["n"]) % 3 === 0) await Promise.resolve();
    }
    publisher.close();
    expect(await running).toEqual({ type: "delivered" });
    expect(server.applied).toEqual(count(20));
    expect(server.mostInFlight).toBe(1);
    expect(new Set(server.seen.map(({ key }) => key)).size).toBe(server.seen.length);
    expect(server.seen[0]?.authorization).toBe("Bearer publish-key");
    expect(sleeps).toEqual([]);
  });

  test("a reset of the feed is noticed, so that whole entries can follow", async () => {
    let resets = 0;
    const { publisher, server } = setUp([], { reset: () => resets++ });
    const running = publisher.run(new AbortController().signal);
    for (const epoch of ["first", "first", "second", "second"]) {
      server.epoch = epoch;
      const before = server.seen.length;
      publisher.add(count(1));
      while (server.seen.length === before || server.inFlight > 0) await new Promise(setImmediate);
    }
    publisher.close();
    await running;
    expect(resets).toBe(1);
  });
});

describe("while the server is away", () => {
  test("a batch is sent again with the same Idempotency-Key and body, until it is acknowledged", async () => {
    const events: string[] = [];
    const { publisher, server } = setUp(["lost", { status: 503 }, { status: 429 }, "receipt lost"], {
      away: (reason) => events.push(`away: ${reason}`),
      back: () => events.push("back"),
    });
    publisher.add(count(3));
    expect(await finish(publisher)).toEqual({ type: "delivered" });
    expect(server.seen).toHaveLength(5);
    expect(new Set(server.seen.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);
    expect(server.applied).toEqual(count(3));
    expect(events).toEqual(["away: connect ECONNREFUSED", "back"]);
  });

  test("waits grow, each drawn at random up to a ceiling, so that publishers don't come back all at once", async () => {
    const { publisher, sleeps } = setUp(often(60, "lost"));
    publisher.add(count(1));
    await finish(publisher);
    expect(sleeps).toHaveLength(60);
    for (const [index, ms] of sleeps.entries()) expect(ms).toBeLessThanOrEqual(Math.min(10_000, 200 * 2 ** index));
    expect(Math.max(...sleeps)).toBeGreaterThan(8_000);
    expect(Math.min(...sleeps.slice(10))).toBeLessThan(2_000);
  });

  test.for([
    ["seconds", "7", 7_000],
    ["a date", new Date(START + 30_000).toUTCString(), 30_000],
    ["an hour, cut to five minutes", "3600", 300_000],
  ] as const)("Retry-After is waited for: %s", async ([, header, ms]) => {
    const { publisher, sleeps } = setUp([{ status: 429, headers: { "retry-after": header } }]);
    publisher.add(count(1));
    await finish(publisher);
    expect(sleeps).toHaveLength(1);
    expect(sleeps[0]).toBeGreaterThanOrEqual(ms);
    expect(sleeps[0]).toBeLessThanOrEqual(ms + 200);
  });

  test("a Retry-After in the past, or without sense, is not waited for", async () => {
    const headers = [new Date(START - 60_000).toUTCString(), "soon", "-5", ""];
    const { publisher, sleeps } = setUp(headers.map((header) => ({ status: 503, headers: { "retry-after": header } })));
    publisher.add(count(1));
    await finish(publisher);
    for (const ms of sleeps) expect(ms).toBeLessThanOrEqual(1_600);
  });

  test("what comes in meanwhile takes one batch of room however long it lasts", async () => {
    let slept = 0;
    const { publisher, server } = setUp(often(50, "lost"), {}, () => {
      publisher.add(Array.from({ length: 400 }, (_, n) => tick(`K${n % 10}`, { round: slept, n })));
      slept++;
    });
    publisher.add(count(1));
    await finish(publisher);
    expect(server.applied.length).toBeLessThanOrEqual(1 + BATCH_MAX);
    expect(server.entries.get("K9")).toEqual({ round: 49, n: 399 });
  });
});

describe("nothing is lost and nothing is doubled", () => {
  test("in whatever way requests fail, each update is applied once, in order", () =>
    fc.assert(
      fc.asyncProperty(updates, fates, async (sent, chain) => {
        const { publisher, server } = setUp(chain);
        publisher.add(sent.slice(0, 10));
        const running = publisher.run(new AbortController().signal);
        for (let at = 10; at < sent.length; at += 5) {
          await Promise.resolve();
          publisher.add(sent.slice(at, at + 5));
        }
        publisher.close();
        expect(await running).toEqual({ type: "delivered" });
        expect(server.applied).toEqual(sent);
      }),
    ));

  test("merged while the server was away, the entries end up as they would have unmerged", () =>
    fc.assert(
      fc.asyncProperty(updates, updates, async (before, during) => {
        let flooded = false;
        const flood = Array.from({ length: BATCH_MAX }, (_, n) => tick("D", { n }));
        const { publisher, server } = setUp(["accept", "lost"], {}, () => {
          if (!flooded) publisher.add([...during, ...flood]);
          flooded = true;
        });
        publisher.add([{ key: "A", set: { x: 0 } }, ...before]);
        const running = publisher.run(new AbortController().signal);
        await new Promise(setImmediate);
        publisher.add([{ key: "B", patch: { y: 1 } }]);
        publisher.close();
        await running;
        const expected = new Map<string, Fields>();
        const all: Update[] = [
          { key: "A", set: { x: 0 } },
          ...before,
          { key: "B", patch: { y: 1 } },
          ...during,
          ...flood,
        ];
        for (const update of all) applyTo(expected, update);
        expect(server.entries).toEqual(expected);
        if (during.length > 0) expect(server.applied.length).toBeLessThanOrEqual(before.length + 2 + 4);
      }),
      { numRuns: 50 },
    ));
});

describe("what no retry can mend", () => {
  test.for([
    [401, "unauthorized", "the key is unknown"],
    [403, "forbidden", "the token may not publish here"],
    [404, "not_found", "no such path"],
    [409, "feed_full", "the feed holds no more keys"],
    [413, "too_large", "the body is too large"],
  ] as const)("a %i ends it at once and says why", async ([status, code, detail]) => {
    const { publisher, server, sleeps } = setUp([{ status, body: { code, detail } }]);
    publisher.add(count(2));
    expect(await finish(publisher)).toEqual({ type: "refused", reason: `${status} ${code} ${detail}` });
    expect(server.seen).toHaveLength(1);
    expect(sleeps).toEqual([]);
  });

  test("a 422 names the updates at fault", async () => {
    const issues = [{ index: 1, path: "patch.n", message: "is not finite" }];
    const body = { code: "invalid_update", detail: "1 update is invalid", issues };
    const { publisher } = setUp([{ status: 422, body }]);
    publisher.add(count(2));
    const reason = `422 invalid_update 1 update is invalid ${JSON.stringify(issues)}`;
    expect(await finish(publisher)).toEqual({ type: "refused", reason });
  });

  test("a redirect is not followed, for it would lose the updates and look like success", async () => {
    const { publisher } = setUp([{ status: 301, headers: { location: "https://feed.test/" } }]);
    publisher.add(count(1));
    expect(await finish(publisher)).toEqual({ type: "refused", reason: "301" });
  });

  test("told to give up while the server is away, it says how much is not delivered", async () => {
    const stop = new AbortController();
    const { publisher } = setUp(often(10, "lost"), {}, () => {
      publisher.add(count(3));
      stop.abort();
    });
    publisher.add(count(2));
    publisher.close();
    expect(await publisher.run(stop.signal)).toEqual({ type: "stopped", undelivered: 5 });
  });
});
