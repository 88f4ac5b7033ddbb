import { beforeAll, describe, expect, test } from "vitest";
import type { DelayLine, Outcome } from "./outcome.ts";
import { simulate } from "./simulation.ts";

const SETUP = {
  seed: 1,
  subscribers: 3_000,
  replicas: 7,
  minutes: 0.5,
  rate: 20,
  keys: 50,
  hasTrouble: true,
};

describe("a leader, its replicas and 3,000 subscribers, with lost calls, a cut link and a slow one", () => {
  let outcome: Outcome;
  beforeAll(async () => void (outcome = await simulate(SETUP)));

  const delays = (of: (line: DelayLine) => boolean): DelayLine[] => outcome.delays.filter(of);

  test("[REP1] [REP6] all of them get all, in order, without a gap; nobody is thrown out", () => {
    expect(outcome.faults).toEqual([]);
    expect(outcome.joins.count).toBeGreaterThanOrEqual(SETUP.subscribers);
    expect(outcome.converged).toBeLessThan(1_000);
  });

  test("updates come soon: where nothing is wrong, a lost call is the worst that happens", () => {
    const lines = delays(({ objects, phase }) => objects === "replicas" && phase === "all are there");
    expect(lines).toHaveLength(1);
    for (const { delays } of lines) {
      expect(delays.below(0.99)).toBeLessThan(500);
      // A call is known to be lost after a second, and repeated.
      expect(delays.most).toBeLessThan(2_000);
    }
  });

  test("[REP6] behind a link that was cut or slow, all comes later", () => {
    const lines = delays(({ objects, phase }) => /^(link cut|slow link)/.test(objects) && phase === "all are there");
    expect(lines.map(({ objects }) => objects)).toEqual(["link cut for 3 s", "slow link for 3 s"]);
    for (const { delays } of lines) {
      expect(delays.most).toBeGreaterThan(2_000);
      expect(delays.most).toBeLessThan(8_000);
    }
  });

  test("[REP10] the plan grows within seconds and shrinks in many minutes", () => {
    const planned = outcome.samples.map((sample) => sample.planned);
    expect(Math.max(...planned)).toBe(SETUP.replicas);
    expect(outcome.samples.find(({ at }) => at >= 10)?.planned).toBeGreaterThanOrEqual(5);
    expect(outcome.shrunkAfter).toBeGreaterThanOrEqual(10);
    expect(planned.at(-1)).toBe(0);
  });

  test("the same seed gives the same figures", async () => {
    const short = { ...SETUP, subscribers: 200, minutes: 0.2 };
    const [first, second] = [await simulate(short), await simulate(short)];
    expect(second.samples).toEqual(first.samples);
    expect(second.messages).toBe(first.messages);
  });
});
