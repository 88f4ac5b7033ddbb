import { describe, expect, test } from "vitest";
import { FANOUT_LIMITS } from "../../../src/feed/fanout/fanout-limits.ts";
import { Selections } from "../../../src/feed/fanout/selections.ts";
import { subscriptionOf } from "../fixture.ts";

const LIMITS = { ...FANOUT_LIMITS, patterns: 100, patternsPerAccount: 20 };
const ACCOUNT = { account: "a" };
const FIFTEEN = subscriptionOf(Array.from({ length: 15 }, (_, i) => `key${i}`));
const SIX = subscriptionOf(["a", "b", "c", "d", "e", "f"]);
const FIVE = subscriptionOf(["a", "b", "c", "d", "e"]);

describe("[I9] subscriptions that are held", () => {
  test("are counted by group: another rate or mode is counted again", () => {
    const selections = new Selections(LIMITS);
    selections.hold(FIFTEEN, ACCOUNT);
    expect(selections.refusal(FIFTEEN, ACCOUNT), "is counted already").toBeUndefined();
    for (const other of [{ hz: 5 }, { mode: "all" as const }, { hz: 0.1, mode: "all" as const }]) {
      expect(selections.refusal({ ...FIFTEEN, ...other }, ACCOUNT)).toBe("rate_limited");
    }
  });

  test("are counted once, on the account that came first, until the last holder has released them", () => {
    const selections = new Selections(LIMITS);
    selections.hold(FIFTEEN, ACCOUNT);
    selections.hold(FIFTEEN, { account: "b" });
    expect(selections.refusal(FIVE, ACCOUNT), "is counted once").toBeUndefined();
    expect(selections.refusal(SIX, ACCOUNT)).toBe("rate_limited");
    expect(selections.refusal(SIX, { account: "b" })).toBeUndefined();
    selections.release(FIFTEEN);
    expect(selections.refusal(SIX, ACCOUNT), "is still held").toBe("rate_limited");
    selections.release(FIFTEEN);
    expect(selections.refusal({ ...FIFTEEN, hz: 5 }, ACCOUNT), "is given back").toBeUndefined();
  });

  test("share one selection object, as long as any of them is held", () => {
    const selections = new Selections(LIMITS);
    const again = { ...subscriptionOf(["e", "d", "c", "b", "a"]), hz: 5 };
    selections.hold(FIVE, ACCOUNT);
    expect(selections.shared(again).selection).toBe(FIVE.selection);
    expect(selections.shared(again).hz).toBe(5);
    selections.release(FIVE);
    expect(selections.shared(again)).toBe(again);
  });
});
