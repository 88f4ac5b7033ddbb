import { expect, test } from "vitest";
import { Planner } from "../../src/placement/planner.ts";
import { POLICY } from "./policy.ts";

test("a leader that has lost its memory goes on with as many replicas as there are", () => {
  const planner = new Planner(POLICY);
  planner.resume(["f/weur/0", "f/weur/127", "f/enam/3"]);
  expect(planner.plan(0, 0)).toEqual({ weur: 2, enam: 1 });
});
