import { afterEach, expect, test, vi } from "vitest";
import { Plans, type Answer } from "../../src/http/plans.ts";

const ASKER = { from: undefined, client: "192.0.2.1" };

function plans(): Plans {
  const object = { getByName: () => ({}) };
  // oxlint-disable-next-line no-unsafe-type-assertion -- as much of it as plans use
  return new Plans({ feeds: object, replicas: object, replicaRegions: ["weur"] } as unknown as ConstructorParameters<
    typeof Plans
  >[0]);
}

afterEach(() => void vi.useRealTimers());

test("requests that come while nothing is known of a feed wait for the first one's answer", async () => {
  const all = plans();
  const asked: string[] = [];
  const first = Promise.withResolvers<Answer<string>>();
  const answers = [
    all.serve("f", ASKER, async () => {
      asked.push("first");
      return first.promise;
    }),
    ...["second", "third"].map(async (name) =>
      all.serve("f", ASKER, async ({ isLast }) => {
        asked.push(`${name} ${isLast}`);
        return { served: name };
      }),
    ),
  ];
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked).toEqual(["first"]);
  first.resolve({ served: "first", plan: {} });
  expect(await Promise.all(answers)).toEqual(["first", "second", "third"]);
});

test("a request that is gone does not hold up those that wait for its answer", async () => {
  vi.useFakeTimers();
  const all = plans();
  // The platform ends a request without a word once its client is gone: nothing that it waits for ever comes.
  void all.serve("f", ASKER, () => new Promise<never>(() => {}));
  const second = all.serve("f", ASKER, async () => ({ served: "second" }));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await second).toBe("second");
  expect(await all.serve("f", ASKER, async () => ({ served: "third" }))).toBe("third");
});
