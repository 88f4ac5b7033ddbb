import { describe, expect, test } from "vitest";
import { replicaPolicyOf } from "../../src/placement/replica-policy.ts";

const sending = { capacity: 26_000, window: () => 20 };
const policy = (REPLICAS: string) =>
  replicaPolicyOf({ REPLICAS, REPLICA_SOCKETS: "10000", REPLICA_WINDOW: "100" }, sending);

describe("the setting REPLICAS", () => {
  test("off is no replicas, auto is anywhere, and a list is where they may be", () => {
    expect(policy("off")).toBeUndefined();
    expect(policy("auto")?.regions).toContain("oc");
    expect(policy("weur, enam")?.regions).toEqual(["weur", "enam"]);
  });

  test("a region that does not exist is refused, with those that do", () => {
    expect(() => policy("weur, paris")).toThrow(
      'REPLICAS has "paris"; it is auto, off, or some of wnam, enam, sam, weur, eeur, apac, oc, afr, me',
    );
  });
});
