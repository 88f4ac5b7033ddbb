import { describe, expect, test } from "vitest";
import { Unacknowledged } from "../../../src/feed/fanout/backlog/unacknowledged.ts";
import { SERVER_LIMITS } from "../../../src/protocol/limits.ts";

describe("[I9] acks", () => {
  test("a client that never sends one counts as having everything", () => {
    const meter = new Unacknowledged();
    meter.sent(1, 1_000_000);
    expect(meter.length).toBe(0);
  });

  test("[LAG4] after the first one, what is not acknowledged counts", () => {
    const meter = new Unacknowledged();
    meter.sent(1, 100);
    meter.acknowledged(1);
    expect(meter.length).toBe(0);
    meter.sent(2, 300);
    meter.sent(3, 300);
    expect(meter.length).toBe(600);
    meter.acknowledged(3);
    expect(meter.length).toBe(0);
  });

  test("a client that always sends them a little late does not seem to fall further and further behind", () => {
    const meter = new Unacknowledged();
    let most = 0;
    for (let seq = 1; seq <= 1000; seq++) {
      meter.sent(seq, 100);
      meter.acknowledged(seq - 5);
      most = Math.max(most, meter.length);
    }
    expect(most).toBeLessThanOrEqual(1200);
  });

  test("one of a seq that was never sent, or of the past, does not lower the count", () => {
    const meter = new Unacknowledged();
    meter.sent(5, 100);
    meter.acknowledged(2);
    expect(meter.length).toBe(100);
    meter.acknowledged(1_000_000);
    expect(meter.length).toBe(100);
  });

  test("[LAG5] of the epoch before say nothing about this one", () => {
    const meter = new Unacknowledged();
    meter.sent(1000, 100);
    meter.acknowledged(1000);
    meter.sent(0, 300);
    meter.sent(5, 300);
    meter.acknowledged(1000);
    expect(meter.length).toBe(600);
    meter.acknowledged(5);
    expect(meter.length).toBe(0);
  });

  test("that come before the first position, or between the parts of a snapshot, do not stop the rest", () => {
    const meter = new Unacknowledged();
    meter.acknowledged(7);
    for (let part = 0; part < 100; part++) meter.sent(undefined, 256 * 1024);
    meter.acknowledged(7);
    expect(meter.backlog).toBe(0);
    meter.sent(7, 100);
    expect(meter.length).toBe(100);
  });

  test("[LAG5] that say how much was taken are exact, also for an object that has lost its memory", () => {
    const meter = new Unacknowledged();
    meter.acknowledged(0, 0);
    meter.sent(undefined, 300_000);
    expect(meter.backlog).toBe(300_000);
    meter.acknowledged(0, 150_000);
    expect(meter.backlog).toBe(150_000);
    meter.acknowledged(0, 300_000);
    expect(meter.backlog).toBe(0);
    const rebuilt = new Unacknowledged();
    rebuilt.sent(5, 1000);
    rebuilt.acknowledged(5, 5_000_000);
    expect(rebuilt.backlog).toBe(0);
    rebuilt.sent(6, SERVER_LIMITS.unackedHigh);
    expect(rebuilt.backlog).toBe(SERVER_LIMITS.unackedHigh);
  });
});
