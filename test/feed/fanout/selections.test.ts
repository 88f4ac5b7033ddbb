import { expect, test } from "vitest";
import { SubscriberIndex } from "../../../src/feed/fanout/live/subscriber-index.ts";
import { FANOUT_LIMITS } from "../../../src/feed/fanout/fanout-limits.ts";
import { Patterns } from "../../../src/feed/fanout/patterns.ts";
import { Selections } from "../../../src/feed/fanout/selections.ts";
import { subscriptionOf } from "../fixture.ts";

const bounds = { ...FANOUT_LIMITS, patterns: 100, accountPatterns: 20 };
const account = { account: "a" };
const wanted = subscriptionOf(Array.from({ length: 15 }, (_, i) => `key${i}`));

test("[I9] what is waited for is no way past the bounds: another rate or mode is another group", () => {
  const patterns = new Patterns();
  const audience = new SubscriberIndex<number>(100, patterns);
  const waiting = new Selections(patterns);
  waiting.hold(wanted, account);
  expect(audience.refusal(account, wanted, bounds), "is counted already").toBeUndefined();
  for (const other of [{ hz: 5 }, { mode: "all" as const }, { hz: 0.1, mode: "all" as const }]) {
    expect(audience.refusal(account, { ...wanted, ...other }, bounds)).toBe("rate_limited");
  }
  const group = audience.group(wanted, 0, account);
  audience.join(1, group);
  waiting.release(wanted);
  expect(
    audience.refusal(account, subscriptionOf(["a", "b", "c", "d", "e"]), bounds),
    "is counted once",
  ).toBeUndefined();
  audience.leave(1, group);
  expect(audience.refusal(account, { ...wanted, hz: 5 }, bounds), "is given back").toBeUndefined();
});
