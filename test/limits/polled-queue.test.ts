import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PolledQueue, type PolledQueueLimits, type Ticket } from "../../src/limits/polled-queue.ts";

const KIB = 1024;
const LIMITS: PolledQueueLimits = {
  atOnce: { perSecond: 1024 * KIB, burst: 64 * KIB },
  turn: 64 * KIB,
  pace: 1 / KIB,
  inHand: 256 * KIB,
  perAccount: 1024 * KIB,
  size: 3 * 1024 * KIB,
  rest: 1 / KIB,
};

/** A queue, and a clock that is set by hand. */
function stepped(): { queue: PolledQueue; clock: { now: number }; enter: (caller: string, kib: number) => Ticket } {
  const clock = { now: 1_000 };
  const queue = new PolledQueue(LIMITS, () => clock.now);
  const enter = (caller: string, kib: number): Ticket => {
    const ticket = queue.enter(caller, kib * KIB);
    if (typeof ticket !== "object") throw new Error(`no ticket: ${ticket}`);
    return ticket;
  };
  return { queue, clock, enter };
}

describe("[MSG6] [I7] a polled queue", () => {
  test("lets little work through", () => {
    const { queue } = stepped();
    for (let i = 0; i < 64; i++) expect(queue.enter("a", KIB)).toBeUndefined();
    expect(queue.enter("a", KIB)).toBeTypeOf("object");
    expect(queue.enter("b", KIB)).toBeUndefined();
  });

  test("begins the work of one account in its order, and only so much at a time", () => {
    const { queue, clock, enter } = stepped();
    const [first, second, third] = [enter("a", 100), enter("a", 100), enter("a", 100)];
    expect(queue.wait(second)).toBeGreaterThan(0);
    expect(queue.wait(first)).toBe(0);
    expect(queue.wait(second), "one long piece of work a millisecond").toBe(1);
    clock.now += 1;
    expect(queue.wait(second)).toBe(0);
    clock.now += 1;
    expect(queue.wait(third), "200 of 256 KiB are in hand").toBeGreaterThan(0);
    queue.leave(first);
    expect(queue.wait(third)).toBe(0);
  });

  test("has the requests of an account that is alone wait about as long as the work before them takes", () => {
    const { queue, clock, enter } = stepped();
    queue.enter("a", 64 * KIB);
    const tickets = Array.from({ length: 16 }, () => enter("a", 10));
    const due = tickets.map((ticket) => ({ ticket, at: clock.now }));
    const began = clock.now;
    while (due.length > 0 && clock.now < began + 100) {
      for (const waiting of due.filter(({ at }) => at <= clock.now)) {
        const wait = queue.wait(waiting.ticket);
        waiting.at = clock.now + wait;
        if (wait > 0) continue;
        due.splice(due.indexOf(waiting), 1);
        queue.leave(waiting.ticket);
      }
      clock.now += 1;
    }
    expect(clock.now - began).toBeLessThanOrEqual(20);
  });

  test("leaves the thread to others for a while if others are active, and accounts take turns", () => {
    const { queue, clock, enter } = stepped();
    const tickets = [enter("a", 100), enter("a", 100), enter("b", 100), enter("b", 100)];
    const began: number[] = [];
    const at: number[] = [];
    while (began.length < 4) {
      for (const [i, ticket] of tickets.entries()) {
        if (began.includes(i) || queue.wait(ticket) > 0) continue;
        began.push(i);
        at.push(clock.now);
      }
      clock.now += 1;
    }
    expect(began).toEqual([0, 2, 1, 3]);
    expect(at.map((time) => time - at[0]!)).toEqual([0, 100, 200, 300]);
  });

  test("rests after each step of long work in proportion to it, while others are active", () => {
    const { queue, clock, enter } = stepped();
    enter("a", 100);
    expect(queue.rest(50 * KIB)).toBe(0);
    const other = enter("b", 100);
    expect(queue.rest(50 * KIB)).toBe(50);
    expect(queue.rest(50 * KIB), "of two that go on at a time").toBe(100);
    expect(queue.wait(other)).toBeGreaterThan(0);
    clock.now += 2_000;
    expect(queue.rest(50 * KIB)).toBe(0);
  });

  test("keeps a quarter of what may wait for keys", () => {
    const { queue } = stepped();
    const takers = ["a", "b", "c"].map((token) => queue.enter(token, 1024 * KIB, false));
    expect(takers.map((ticket) => typeof ticket)).toEqual(["object", "object", "string"]);
    expect(queue.enter("key", 700 * KIB, true)).toBeTypeOf("object");
  });

  test("goes on without requests that are gone", () => {
    const { queue, clock, enter } = stepped();
    const gone = [enter("a", 200), enter("a", 200)];
    expect(queue.wait(gone[0]!)).toBe(0);
    const next = enter("a", 200);
    for (let waited = 0; waited < 40_000 && queue.wait(next) > 0; waited += 50) clock.now += 50;
    expect(queue.wait(next)).toBe(0);
  });

  test("does not wait for a request of another account that is gone", () => {
    const { queue, clock, enter } = stepped();
    enter("a", 100);
    const ticket = enter("b", 100);
    const start = clock.now;
    while (queue.wait(ticket) > 0) clock.now += 1;
    expect(clock.now - start).toBeLessThan(300);
  });

  test("[MSG7] [I9] limits what waits, of one account and of all", () => {
    const { queue, enter } = stepped();
    for (let i = 0; i < 10; i++) enter("a", 100);
    expect(queue.enter("a", 100 * KIB)).toBe("rate_limited");
    enter("b", 1_000);
    enter("c", 1_000);
    expect(queue.enter("d", 100 * KIB)).toBe("overloaded");
  });

  test("serves every request that asks, whatever comes and goes", () => {
    const step = fc.record({
      caller: fc.constantFrom("a", "b", "c"),
      kib: fc.integer({ min: 0, max: 400 }),
      pause: fc.integer({ min: 0, max: 50 }),
      leaves: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { queue, clock } = stepped();
        let waiting: { ticket: Ticket; next: number }[] = [];
        let working: Ticket[] = [];
        const ask = (): void => {
          for (const one of waiting.filter(({ next }) => next <= clock.now)) {
            const wait = queue.wait(one.ticket);
            one.next = wait === 0 ? Infinity : clock.now + Math.ceil(wait);
            if (wait === 0) working.push(one.ticket);
          }
          waiting = waiting.filter(({ next }) => next < Infinity);
        };
        for (const { caller, kib, pause, leaves } of steps) {
          const ticket = queue.enter(caller, kib * KIB);
          if (typeof ticket === "object") waiting.push({ ticket, next: clock.now });
          for (let i = 0; i <= pause; i++, clock.now++) ask();
          for (const done of working.splice(0, leaves ? 3 : 0)) queue.leave(done);
        }
        const end = clock.now + 120_000;
        for (; waiting.length > 0 && clock.now < end; clock.now++) {
          ask();
          for (const done of working) queue.leave(done);
          working = [];
        }
        expect(waiting).toEqual([]);
        // Nothing of it is left: one alone is served at once.
        for (const done of working) queue.leave(done);
        clock.now += 10_000;
        const last = queue.enter("a", 1_000 * KIB);
        expect(last && typeof last === "object" && queue.wait(last)).toBe(0);
      }),
    );
  });
});
