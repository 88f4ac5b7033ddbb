import { afterEach, describe, expect, test, vi } from "vitest";
import { steadyClock } from "../../src/limits/steady-clock.ts";
import { newFeed, publish } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

function setBack(ms: number): void {
  const wall = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => wall() - ms);
}

describe("the steady clock", () => {
  test("goes on at the wall clock's speed after the wall clock was set back, and never goes back itself", () => {
    let wall = 50_000;
    const now = steadyClock(() => wall);
    expect(now()).toBe(50_000);
    wall += 10;
    expect(now()).toBe(50_010);
    wall -= 20_000;
    expect(now()).toBe(50_010);
    wall += 7;
    expect(now()).toBe(50_017);
    wall -= 1;
    expect(now()).toBe(50_017);
    wall += 40_000;
    expect(now()).toBe(90_017);
  });
});

describe("[I7] a wall clock that is set back by 20 s", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("delays no update", async () => {
    const feed = newFeed();
    const subscriber = await (await TestSubscriber.connect(feed, "?hz=20")).reaches(0);
    await publish(feed, { key: "A", set: { n: 1 } });
    await subscriber.reaches(1);
    setBack(20_000);
    await publish(feed, { key: "A", set: { n: 2 } });
    const start = performance.now();
    await subscriber.reaches(2);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
