import { describe, expect, test } from "vitest";
import { FairQueue, type FairQueueLimits, type OtherWork } from "../../src/limits/fair-queue.ts";

const LIMITS: FairQueueLimits = {
  atOnce: { perSecond: 8 * 1024 * 1024, burst: 64 * 1024 },
  allAtOnce: { perSecond: 8 * 1024 * 1024, burst: 256 * 1024 },
  little: { perSecond: 0, burst: 0 },
  turn: 32 * 1024,
  pace: 1 / 1024,
  perAccount: { jobs: 10, size: 1024 * 1024 },
  size: 3 * 1024 * 1024,
};

/** As much as is asked for. */
const room = { take: () => true, give: () => {} };
/** Nobody else needs the thread. */
const alone: OtherWork = { isOwed: () => false, tookIn: () => {} };

/** A queue whose turns are taken by hand. */
function stepped(
  limits: FairQueueLimits = LIMITS,
  others = alone,
): { queue: FairQueue; turn: () => Promise<void>; tick: () => void } {
  let go: (() => void) | undefined;
  let now = 0;
  const pause = (): Promise<void> => new Promise((resolve) => (go = resolve));
  const turn = async (): Promise<void> => {
    go?.();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { queue: new FairQueue(limits, pause, () => now, room, others), turn, tick: () => void (now += 1_000) };
}

describe("[MSG6] [I7] a fair queue", () => {
  test("does little work at once", () => {
    const { queue } = stepped();
    const done: number[] = [];
    for (let i = 0; i < 20; i++) void queue.run("a", 1_000, () => done.push(i));
    expect(done).toHaveLength(20);
    expect(queue.isWaiting("a")).toBe(false);
  });

  test("lets accounts with much work take turns, one job each, and keeps the order of each", async () => {
    const { queue, turn } = stepped();
    const done: string[] = [];
    const add = (caller: string, i: number): void => {
      void queue.run(caller, 100_000, () => done.push(`${caller}${i}`));
    };
    for (let i = 0; i < 4; i++) add("a", i);
    add("b", 0);
    add("b", 1);
    expect(done).toEqual([]);
    await turn();
    expect(done).toEqual(["a0"]);
    for (let i = 0; i < 5; i++) await turn();
    expect(done).toEqual(["a0", "b0", "a1", "b1", "a2", "a3"]);
  });

  test("knows whose work goes before that of others", async () => {
    const { queue, turn } = stepped();
    const overtakes: boolean[] = [];
    const add = (account: string, size: number): void => {
      void queue.run(account, size, () => overtakes.push(queue.isOvertaking(account)));
    };
    add("b", 10);
    add("a", 100_000);
    add("a", 10);
    add("b", 10);
    await turn();
    await turn();
    expect(overtakes, "b beside nobody, b beside a, a twice").toEqual([false, true, false, false]);
  });

  test("does little work of a waiting account after what waits, and of others at once", async () => {
    const { queue, turn } = stepped();
    const done: string[] = [];
    void queue.run("a", 100_000, () => done.push("long"));
    void queue.run("a", 10, () => done.push("short"));
    void queue.run("b", 10, () => done.push("other"));
    expect(done).toEqual(["other"]);
    await turn();
    await turn();
    expect(done).toEqual(["other", "long", "short"]);
  });

  test("does no more in a turn than its size, for an account with very many small jobs", async () => {
    const { queue, turn, tick } = stepped({ ...LIMITS, perAccount: { jobs: 1_000, size: 1024 * 1024 } });
    let done = 0;
    for (let i = 0; i < 500; i++) void queue.run("a", 0, () => done++);
    expect(done).toBe(64);
    await turn();
    expect(done).toBe(64 + 32);
    for (let i = 0; i < 20; i++) await turn();
    expect(done).toBe(500);
    tick();
    void queue.run("a", 0, () => done++);
    expect(done, "at once again after a while").toBe(501);
  });

  test("[I9] limits what waits, of one account and of all", () => {
    const { queue } = stepped();
    const answers = Array.from({ length: 12 }, () => queue.run("a", 100_000, () => 0));
    expect(answers.filter((answer) => answer === "rate_limited")).toHaveLength(2);
    expect(queue.run("b", 1024 * 1024 + 1, () => 0)).toBe("rate_limited");
    const many = ["b", "c", "d"].map((caller) => queue.run(caller, 1_000_000, () => 0));
    expect(many.map((answer) => answer === "overloaded")).toEqual([false, false, true]);
  });

  test("[I9] counts an overhead for each job that waits, however small the job is", () => {
    const { queue } = stepped({ ...LIMITS, perAccount: { jobs: 10_000, size: 1024 * 1024 } });
    void queue.run("a", 100_000, () => 0);
    const answers = Array.from({ length: 2_000 }, () => queue.run("a", 0, () => 0));
    expect(answers.filter((answer) => answer === "rate_limited").length).toBeGreaterThan(1_000);
  });

  test("pauses for as long as the turn before took, while other accounts are active", async () => {
    const pauses: number[] = [];
    let now = 0;
    const pause = async (milliseconds: number): Promise<void> => void pauses.push(milliseconds);
    const queue = new FairQueue(LIMITS, pause, () => now, room, alone);
    const give = (...callers: string[]) =>
      Promise.all(callers.map(async (caller) => queue.run(caller, 99 * 1024, () => 0)));
    await give("a", "a");
    await give("a", "b");
    now += 2_000;
    await give("a", "a");
    expect(pauses).toEqual([0, 0, 0, 100, 0, 0]);
  });

  test("does no more at once for many accounts together than for a few, but for those that have little", () => {
    const { queue } = stepped({ ...LIMITS, perAccount: { jobs: 1_000, size: 1024 * 1024 } });
    let done = 0;
    for (let i = 0; i < 16 * 50; i++) void queue.run(`a${i % 16}`, 0, () => done++);
    // The first of each is little.
    expect(done).toBe(256 + 16);
  });

  test("reports a job that fails, and goes on", async () => {
    const { queue, turn } = stepped();
    const failing = queue.run("a", 100_000, () => {
      throw new Error("this one");
    });
    const next = queue.run("a", 100_000, () => 7);
    const failed = expect(failing).rejects.toThrow("this one");
    await turn();
    await turn();
    await failed;
    expect(await next).toBe(7);
  });

  test("[MERGE8] does nothing at once while something is owed to others, and keeps the order of each account", async () => {
    let owed = false;
    let work = 0;
    const others = { isOwed: () => owed, tookIn: (size: number): void => void (work += size) };
    const { queue, turn } = stepped(LIMITS, others);
    const done: string[] = [];
    const add = (account: string, name: string): void => void queue.run(account, 1_000, () => done.push(name));
    add("a", "a1");
    expect(work, "counts what is done at once").toBe(1_000 + 1_024);
    owed = true;
    add("a", "a2");
    add("b", "b1");
    owed = false;
    add("a", "a3");
    expect(done).toEqual(["a1"]);
    await turn();
    expect(done).toEqual(["a1", "a2", "b1", "a3"]);
    expect(work, "and what has waited").toBe(4 * (1_000 + 1_024));
  });

  test("[MERGE8] does little work of an account that has little even then", async () => {
    const owed = { isOwed: (hasLittle = false) => !hasLittle, tookIn: () => {} };
    const { queue, turn, tick } = stepped({ ...LIMITS, little: { perSecond: 4_096, burst: 4_096 } }, owed);
    const done: number[] = [];
    const add = (i: number): void => void queue.run("a", 1_000, () => done.push(i));
    for (let i = 0; i < 4; i++) add(i);
    expect(done).toEqual([0, 1]);
    await turn();
    expect(done).toEqual([0, 1, 2, 3]);
    tick();
    add(4);
    expect(done).toEqual([0, 1, 2, 3, 4]);
  });
});
