import { expect, test } from "vitest";
import { Audience } from "../../../src/feed/fanout/subscriber-index.ts";
import { BOUNDS } from "../../../src/feed/fanout/bounds.ts";
import { Patterns } from "../../../src/feed/fanout/patterns.ts";
import { Selections } from "../../../src/feed/fanout/selections.ts";
import { subscriptionOf } from "../fixture.ts";

const bounds = { ...BOUNDS, patterns: 100, ownerPatterns: 20 };
const owner = { owner: "a" };
const wanted = subscriptionOf(Array.from({ length: 15 }, (_, i) => `key${i}`));

test("[I9] what is waited for is no way past the bounds: another rate or mode is another group", () => {
  const patterns = new Patterns();
  const audience = new Audience<number>(100, patterns);
  const waiting = new Selections(patterns);
  waiting.hold(wanted, owner);
  expect(audience.refusal(owner, wanted, bounds), "is counted already").toBeUndefined();
  for (const other of [{ hz: 5 }, { mode: "all" as const }, { hz: 0.1, mode: "all" as const }]) {
    expect(audience.refusal(owner, { ...wanted, ...other }, bounds)).toBe("rate_limited");
  }
  const group = audience.group(wanted, 0, owner);
  audience.join(1, group);
  waiting.release(wanted);
  expect(audience.refusal(owner, subscriptionOf(["a", "b", "c", "d", "e"]), bounds), "is counted once").toBeUndefined();
  audience.leave(1, group);
  expect(audience.refusal(owner, { ...wanted, hz: 5 }, bounds), "is given back").toBeUndefined();
});
