import { describe, expect, test } from "vitest";
import { ReadTurns } from "../../../src/durable/requests/read-turns.ts";
import { Budget } from "../../../src/feed/fanout/budget.ts";

describe("[STO4] [I7] reads of storage that take turns", () => {
  test("are done a step at a time, the accounts in turn, however much one of them asks for", async () => {
    const turns = new ReadTurns(new Budget().history);
    const done: string[] = [];
    const greedy = Array.from({ length: 30 }, () => turns.take("greedy", read("g", 10, done)));
    const modest = turns.take("modest", read("m", 5, done));
    expect(await modest).toBe("m");
    expect(done.length).toBeLessThan(20);
    expect(await Promise.all(greedy)).toEqual(Array.from({ length: 30 }, () => "g"));
  });

  test("are refused if too many wait, of one account and of all", async () => {
    const turns = new ReadTurns(new Budget().history);
    const taken = Array.from({ length: 100 }, () => turns.take("greedy", read("g", 1, [])));
    expect(await turns.take("modest", read("m", 1, []))).toBe("m");
    expect((await Promise.all(taken)).filter((name) => name === undefined).length).toBeGreaterThan(30);
  });

  test("[I9] are finished one after the other once they hold much", async () => {
    const turns = new ReadTurns(new Budget().history);
    let held = 0;
    let most = 0;
    function* hoard(): Generator<number, string> {
      let own = 0;
      for (; own < 2 * 1024 * 1024; own += 256 * 1024) {
        held += 256 * 1024;
        most = Math.max(most, held);
        yield own + 256 * 1024;
      }
      held -= own;
      return "full";
    }
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => turns.take(`${i}`, hoard())));
    expect(results).toEqual(Array.from({ length: 20 }, () => "full"));
    expect(most).toBeLessThan(8 * 1024 * 1024);
  });

  test("are all answered when they are ended, and none goes on", async () => {
    const turns = new ReadTurns(new Budget().history);
    const done: string[] = [];
    const taken = Array.from({ length: 10 }, (_, i) => turns.take(`account ${i % 3}`, read("j", 5, done)));
    turns.end();
    expect(await Promise.all(taken)).toEqual(Array.from({ length: 10 }, () => undefined));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toHaveLength(1);
    expect(await turns.take("account 0", read("later", 2, done)), "and later reads are done").toBe("later");
  });

  test("that fail reject, and delay no other", async () => {
    const turns = new ReadTurns(new Budget().history);
    const failing = turns.take(
      "a",
      (function* () {
        yield 0;
        throw new Error("broken");
      })(),
    );
    const other = turns.take("b", read("b", 3, []));
    await expect(failing).rejects.toThrow("broken");
    expect(await other).toBe("b");
  });
});

function* read(name: string, steps: number, done: string[]): Generator<number, string> {
  for (let i = 0; i < steps; i++) {
    done.push(name);
    yield 0;
  }
  return name;
}
