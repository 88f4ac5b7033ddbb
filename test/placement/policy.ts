import type { PlanPolicy } from "../../src/placement/plan.ts";

export const MINUTE = 60_000;

export const POLICY: PlanPolicy = {
  sockets: 10_000,
  capacity: 26_000,
  window: 100,
  windowOf: (subscribers) => 20 + subscribers * 0.066,
  most: 128,
  ahead: 10_000,
  hold: 1_000,
  shrinkAfter: 10 * MINUTE,
};
