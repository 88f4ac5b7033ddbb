import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { GroupCommit } from "../../../src/durable/storage/group-commit.ts";

describe("[PUB13] group commit", () => {
  let writes: number[][];
  let commit: GroupCommit<number>;

  beforeEach(() => {
    vi.useFakeTimers();
    writes = [];
    const write = (items: readonly number[]): void => void writes.push([...items]);
    commit = new GroupCommit(write, { window: 25, enough: 4, most: 4, burst: 2, worthwhile: 2, grant: 2 }, () =>
      Date.now(),
    );
  });
  afterEach(() => void vi.useRealTimers());

  test("a quiet feed writes at once, and leaves no timer", async () => {
    await commit.add(1);
    expect(writes).toEqual([[1]]);
    vi.advanceTimersByTime(1000);
    await commit.add(2);
    expect(writes).toEqual([[1], [2]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("under sustained load all batches of a window share one write", async () => {
    void commit.add(1);
    void commit.add(2);
    const receipts = [commit.add(3), commit.add(4)];
    expect(writes).toEqual([[1], [2]]);
    vi.advanceTimersByTime(25);
    await Promise.all(receipts);
    expect(writes).toEqual([[1], [2], [3, 4]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("enough waiting batches are written without waiting longer", async () => {
    void commit.add(1);
    void commit.add(2);
    await Promise.all([3, 4, 5, 6].map((item) => commit.add(item)));
    expect(writes).toEqual([[1], [2], [3, 4, 5, 6]]);
  });

  test("enough are written with those that have come in by then, and very many at once", async () => {
    const most = 7;
    const policy = { window: 25, enough: 4, most, burst: 0, worthwhile: 2, grant: 2 };
    const gathering = new GroupCommit(
      (items: readonly number[]) => void writes.push([...items]),
      policy,
      () => Date.now(),
    );
    const written = Promise.all([1, 2, 3, 4, 5].map((item) => gathering.add(item)));
    expect(writes).toEqual([]);
    vi.advanceTimersByTime(1);
    await written;
    expect(writes).toEqual([[1, 2, 3, 4, 5]]);
    void Promise.all(Array.from({ length: most }, (_, i) => gathering.add(i)));
    expect(writes[1]).toHaveLength(most);
    // The timer of those finds others, which wait for theirs.
    void gathering.add(8);
    vi.advanceTimersByTime(1);
    expect(writes).toHaveLength(2);
  });

  test("a window ends though the clock stands still, after one that ended early too", async () => {
    const still = new GroupCommit(
      (items: readonly number[]) => void writes.push([...items]),
      { window: 25, enough: 4, most: 4, burst: 2, worthwhile: 2, grant: 2 },
      () => 0,
    );
    await Promise.all([1, 2, 3, 4, 5, 6].map((item) => still.add(item)));
    const written = still.add(7);
    vi.advanceTimersByTime(50);
    await written;
    expect(writes).toEqual([[1], [2], [3, 4, 5, 6], [7]]);
  });

  test("a publisher that sends one by one does not wait for others that never come", async () => {
    let waited = 0;
    const patient = new GroupCommit(
      (items: readonly number[]) => void writes.push([...items]),
      { window: 25, enough: 4, most: 4, burst: 10, worthwhile: 2, grant: 80 },
      () => Date.now(),
    );
    for (let i = 0; i < 1000; i++) {
      const before = Date.now();
      const written = patient.add(i);
      vi.runAllTimers();
      await written;
      waited += Date.now() - before;
    }
    // 10 at once, then a window and 10, a window and 20, 40, 80, 80, ...
    expect(waited / 25).toBeLessThanOrEqual(17);
    expect(writes).toHaveLength(1000);
  });

  test("a stream that pauses now and then goes on sharing writes", () => {
    const stream = new GroupCommit(
      (items: readonly number[]) => void writes.push([...items]),
      { window: 25, enough: 12, most: 12, burst: 6, worthwhile: 3, grant: 200 },
      () => Date.now(),
    );
    for (let i = 0; i < 10_000; i++) {
      void stream.add(i);
      vi.advanceTimersByTime(i % 250 === 0 ? 50 : 2);
    }
    vi.advanceTimersByTime(1000);
    expect(writes.flat()).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    // 500 a second is 12 in a window; the pauses cost a few single writes each.
    expect(writes.length).toBeLessThan(1700);
  });

  test("one that is urgent waits for no window, and takes the others along; not one after the other", async () => {
    void commit.add(1);
    void commit.add(2);
    void commit.add(3);
    await commit.add(4, true);
    expect(writes).toEqual([[1], [2], [3, 4]]);
    void commit.add(5, true);
    vi.advanceTimersByTime(3);
    void commit.add(6, true);
    expect(writes, "so soon after it").toHaveLength(3);
    vi.advanceTimersByTime(2);
    await commit.add(7, true);
    expect(writes.at(-1)).toEqual([5, 6, 7]);
  });

  test("commit writes what waits at once", () => {
    void commit.add(1);
    void commit.add(2);
    void commit.add(3);
    commit.commit();
    expect(writes).toEqual([[1], [2], [3]]);
    vi.advanceTimersByTime(25);
    expect(writes).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a window that begins after an early write lasts as long as any other", () => {
    void commit.add(1);
    void commit.add(2);
    void commit.add(3);
    vi.advanceTimersByTime(5);
    commit.commit();
    vi.advanceTimersByTime(5);
    void commit.add(4);
    // Time that has passed since the write before counts.
    vi.advanceTimersByTime(19);
    expect(writes).toEqual([[1], [2], [3]]);
    vi.advanceTimersByTime(1);
    expect(writes).toEqual([[1], [2], [3], [4]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a write that fails rejects each batch that waits for it, and the next one is tried", async () => {
    let broken = true;
    const written: number[] = [];
    const failing = new GroupCommit<number>(
      (items) => {
        if (broken) throw new Error("disk");
        written.push(...items);
      },
      { window: 25, enough: 4, most: 4, burst: 1, worthwhile: 2, grant: 1 },
      () => Date.now(),
    );
    await expect(failing.add(1)).rejects.toThrow("disk");
    const waiting = [failing.add(2), failing.add(3)];
    const outcomes = Promise.allSettled(waiting);
    vi.advanceTimersByTime(25);
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    broken = false;
    vi.advanceTimersByTime(25);
    await failing.add(4);
    expect(written).toEqual([4]);
  });
});
