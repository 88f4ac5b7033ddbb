import { describe, expect, test, vi } from "vitest";
import type { CountedCaller } from "../../../src/limits/places.ts";
import { Patience } from "../../../src/durable/requests/answer-stream.ts";
import { Reads, type ReadOutcome, type ReadRequest } from "../../../src/durable/requests/reads.ts";
import type { HistoryPage } from "../../../src/durable/storage/stored-log.ts";
import { Budget } from "../../../src/feed/fanout/budget.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { FeedFixture } from "../../feed/fixture.ts";
import { RecordingSubscriber } from "../../feed/recording-subscriber.ts";
import { anonymous } from "../../support/callers.ts";

const MIB = 1024 * 1024;

function fixtureOfMany(): FeedFixture {
  const fixture = new FeedFixture({}, { partLength: 500 });
  fixture.publish(...Array.from({ length: 60 }, (_, i): Update => ({ key: `k${i}`, set: { text: "x".repeat(100) } })));
  return fixture;
}

const KEY: CountedCaller = { clientIp: undefined, kind: "key", credential: "key" };

function read(
  reads: Reads,
  fixture: FeedFixture,
  from: CountedCaller,
  asked: Partial<ReadRequest> = {},
): Promise<ReadOutcome | undefined> {
  return reads.read(fixture, {
    selection: "*",
    mode: "latest",
    since: undefined,
    known: [],
    caller: from,
    ...asked,
  });
}

async function cancel(outcomes: readonly (ReadOutcome | undefined)[]): Promise<void> {
  for (const outcome of outcomes) if (outcome && typeof outcome.body === "object") await outcome.body.cancel();
}

describe("[READ2] [I7] long answers", () => {
  test("have places of their own, and short answers need none", async () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    const asked = Array.from({ length: 30 }, (_, i) => read(reads, fixture, anonymous(`192.0.2.${i % 3}`)));
    const long = await Promise.all(asked);
    expect(long.filter((outcome) => outcome)).toHaveLength(18);
    expect(await read(reads, fixture, anonymous("other"), { selection: "k1" })).toMatchObject({ isEmpty: false });
    const keys = await Promise.all(Array.from({ length: 8 }, () => read(reads, fixture, KEY)));
    expect(
      keys.filter((outcome) => outcome),
      "who has a key finds room",
    ).toHaveLength(6);
    await cancel([...long, ...keys]);
    const again = await vi.waitFor(async () => {
      const outcome = await read(reads, fixture, anonymous("other"));
      expect(outcome?.body).toBeInstanceOf(ReadableStream);
      return outcome;
    });
    await cancel([again]);
  });

  test("are cut off if their reader takes nothing for long, or little all the time", () => {
    const part = 256 * 1024;
    const idle = new Patience(0);
    expect(idle.next(1, 0)).toBe(30_000);
    const trickling = new Patience(0);
    let now = 0;
    let parts = 0;
    for (; trickling.next(part, now) > 29_000 && parts < 100; parts++) now += 29_000;
    expect(parts).toBeLessThan(4);
    const slow = new Patience(0);
    for (let i = 0, at = 0; i < 100; i++, at += 5_000) expect(slow.next(part, at)).toBeGreaterThan(5_000);
  });
});

describe("[I5] a feed that was removed", () => {
  test("answers each read that waits for its turn, and each later read", async () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    // Not committed yet: it may not be shown.
    fixture.feed.accept(['{"key":"a","set":{}}'], fixture.now);
    const waiting = ["a", "b"].map((clientIp) => read(reads, fixture, anonymous(clientIp)));
    fixture.broadcast.end();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await read(reads, fixture, anonymous("c"))).toBeUndefined();
    expect(fixture.broadcast.due(fixture.now)).toBeUndefined();
  });

  test("cuts off answers that are being read, and keeps no list", async () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    const outcome = await read(reads, fixture, anonymous("a"));
    expect(fixture.broadcast.snapshots.inUse.size).toBe(1);
    reads.end();
    await expect(new Response(outcome?.body as ReadableStream).text()).rejects.toThrow();
    expect(fixture.broadcast.snapshots.inUse.size).toBe(0);
  });
});

test("[READ1] [I9] reads of the log together hold no more than there is room for, and all are answered", async () => {
  const fixture = new FeedFixture({}, { partLength: 500, logBytes: 3_000, stepWork: 1 });
  for (let i = 0; i < 200; i++) fixture.publish({ key: `k${i}`, set: { text: "x".repeat(100) } });
  let begun = 0;
  const readLog = fixture.log.read.bind(fixture.log);
  fixture.log.read = (after, selection) => {
    if (after === 1) begun++;
    return readLog(after, selection);
  };
  const reads = new Reads("feed", new Budget());
  const asked = Array.from({ length: 8 }, (_, i) =>
    read(reads, fixture, anonymous(`192.0.2.${i}`), { mode: "all", since: { epoch: "e1", seq: 1 } }),
  );
  fixture.step();
  expect(begun, "the others wait").toBeLessThan(4);
  fixture.advance(5_000);
  const bodies = (await Promise.all(asked)).map(
    (outcome) => JSON.parse(typeof outcome?.body === "string" ? outcome.body : "{}").updates.length,
  );
  expect(bodies).toEqual(Array.from({ length: 8 }, () => 199));
  const expired = { mode: "all", since: { epoch: "e1", seq: 0 } } as const;
  fixture.log.start = 100;
  const late = read(reads, fixture, anonymous("late"), expired);
  fixture.advance(100);
  expect(await late).toMatchObject({ position: "e1:200" });
});

test.each([
  ["a key", 1, 64],
  ["1,000 keys", 1_000, 8],
])("[READ3] [I9] waiting reads of %s on one account are limited by what they select", async (_, count, most) => {
  const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
  // Not committed yet: all reads have to wait.
  fixture.feed.accept(['{"key":"a","set":{}}'], fixture.now);
  const selection = Array.from({ length: count }, (_, i) => `k${i}`)
    .toSorted()
    .join(",");
  const asked = Array.from({ length: 100 }, () => read(reads, fixture, anonymous("a"), { selection }));
  let refused = 0;
  for (const outcome of asked) void outcome.then((found) => (refused += found ? 0 : 1));
  await Promise.resolve();
  await vi.waitFor(() => expect(refused).toBe(100 - most));
  fixture.broadcast.end();
  await Promise.all(asked);
});

test("a read that fails rejects, and gives back what it held", async () => {
  const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
  fixture.log.read = () => {
    throw new Error("bad");
  };
  const failing = read(reads, fixture, KEY, { mode: "all", since: { epoch: "e1", seq: 1 } });
  await expect(failing).rejects.toThrow("bad");
  expect(await read(reads, fixture, KEY, { selection: "k1" })).toBeDefined();
});

const pageOf = (seq: number): HistoryPage => ({ updates: [{ seq, time: 0, line: "" }], more: false });

function* steps(count: number, done: number[] = []): Generator<number, HistoryPage> {
  for (let i = 0; i < count; i++) {
    done.push(count);
    yield 0;
  }
  return pageOf(count);
}

describe("[STO4] [I7] pages of history", () => {
  test("are read a step at a time, the accounts in turn, and refused if too many wait, of one account and of all", async () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    const done: number[] = [];
    const greedy = Array.from({ length: 40 }, () => reads.history(fixture, "greedy", steps(10, done)));
    const modest = reads.history(fixture, "modest", steps(5, done));
    expect(done, "others are served in between").toEqual([10]);
    for (let i = 0; i < 10; i++) fixture.step();
    expect(done.filter((count) => count === 5)).toHaveLength(5);
    expect(done).toHaveLength(11);
    const others = Array.from({ length: 100 }, (_, i) => reads.history(fixture, `${i % 10}`, steps(1)));
    fixture.advance(1_000);
    expect(await modest).toEqual(pageOf(5));
    expect((await Promise.all(greedy)).filter((page) => page)).toHaveLength(32);
    expect((await Promise.all(others)).filter((page) => page)).toHaveLength(128 - 33);
  });

  test("keep no catch-up and no other read waiting, however many accounts ask for them", () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    const searching = Array.from({ length: 100 }, (_, i) => reads.history(fixture, `${i}`, steps(100)));
    fixture.step();
    expect(fixture.due, "with a pause after each step").toBeGreaterThan(fixture.now);
    const reader = new RecordingSubscriber();
    fixture.connect(reader);
    expect(reader.view.entries.size, "at once").toBe(60);
    expect(fixture.broadcast.lagging).toBe(0);
    fixture.broadcast.end();
    return Promise.all(searching);
  });

  test("[I9] are finished one after the other once they hold much", async () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    let [held, most] = [0, 0];
    function* hoard(): Generator<number, HistoryPage> {
      for (let own = 0; own < 2 * MIB; own += MIB / 4) {
        held += MIB / 4;
        most = Math.max(most, held);
        yield own + MIB / 4;
      }
      held -= 2 * MIB;
      return pageOf(1);
    }
    const all = Array.from({ length: 20 }, (_, i) => reads.history(fixture, `${i}`, hoard()));
    fixture.advance(20_000);
    expect(await Promise.all(all)).toEqual(all.map(() => pageOf(1)));
    expect(most).toBeGreaterThan(3 * MIB);
    expect(most).toBeLessThan(7 * MIB);
  });

  test("that fail reject and delay no other, and all that wait are answered when the feed is removed", async () => {
    const [fixture, reads] = [fixtureOfMany(), new Reads("feed", new Budget())];
    const failing = reads.history(
      fixture,
      "a",
      (function* () {
        yield 0;
        throw new Error("broken");
      })(),
    );
    const other = reads.history(fixture, "b", steps(3));
    fixture.advance(100);
    await expect(failing).rejects.toThrow("broken");
    expect(await other).toEqual(pageOf(3));
    const waiting = Array.from({ length: 10 }, () => reads.history(fixture, "a", steps(5)));
    fixture.broadcast.end();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => undefined));
  });
});
