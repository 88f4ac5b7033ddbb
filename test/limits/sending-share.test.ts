import { describe, expect, test } from "vitest";
import { SendingShare } from "../../src/limits/sending-share.ts";

/** Work of one event and of one slice, and a turn of the event loop, in milliseconds. */
const EVENT = 1;
const SLICE = 4;

describe("[MERGE8] the share of sending", () => {
  test("is half of the work, however much comes in, while something is due", () => {
    const share = new SendingShare();
    share.dueAt(0, 0);
    let taken = 0;
    let sent = 0;
    for (let now = 0; now < 1_000; now++) {
      if (share.isOwed(now)) {
        share.sent(SLICE);
        share.dueAt(now, now);
        sent += SLICE;
      } else {
        share.tookIn(EVENT, now);
        taken += EVENT;
      }
    }
    expect(sent / (sent + taken)).toBeGreaterThan(0.45);
    expect(sent / (sent + taken)).toBeLessThan(0.55);
  });

  test("holds nothing back before something is due, and owes nothing once all is sent", () => {
    const share = new SendingShare();
    share.dueAt(100, 0);
    share.tookIn(1_000, 50);
    expect(share.isOwed(99)).toBe(false);
    expect(share.isOwed(100)).toBe(false);
    share.tookIn(5, 100);
    expect(share.isOwed(100)).toBe(true);
    share.dueAt(121, 101);
    expect(share.isOwed(101)).toBe(false);
    expect(share.isOwed(121), "what came in before does not count again").toBe(false);
  });

  test("makes others wait for 10 ms of sending at most, however long the work was that came in", () => {
    const share = new SendingShare();
    share.dueAt(0, 0);
    share.tookIn(300, 0);
    let waited = 0;
    for (; share.isOwed(0); waited += SLICE) share.sent(SLICE);
    expect(waited).toBeLessThanOrEqual(10);
    share.tookIn(300, 0);
    for (let looks = 0; share.isOwed(0); looks++) {
      share.sent(0);
      expect(looks, "parts that are no work do not keep others waiting").toBeLessThan(100);
    }
  });

  test("lets work of those who have little go ahead, some of it", () => {
    const share = new SendingShare();
    share.dueAt(0, 0);
    share.tookIn(5, 0);
    expect(share.isOwed(0)).toBe(true);
    expect(share.isOwed(0, true)).toBe(false);
    share.tookIn(5, 0);
    expect(share.isOwed(0, true), "however many have little").toBe(true);
  });

  test("is late 5 ms after the first event that found something due, by the clock between events", () => {
    const share = new SendingShare();
    share.dueAt(10, 0);
    expect(share.isLate(9)).toBe(false);
    expect(share.isLate(30), "the thread was busy: other events have not had their turn").toBe(false);
    // Each write puts what is due to the time of the write.
    share.dueAt(32, 32);
    expect(share.isLate(34)).toBe(false);
    expect(share.isLate(35)).toBe(true);
    share.sent(SLICE);
    expect(share.isLate(36)).toBe(false);
    expect(share.isLate(41)).toBe(true);
  });
});
