import { afterEach, expect, test, vi } from "vitest";
import { Plans, type Answer, type AskedObject } from "../../src/http/plans.ts";

const ASKER = { from: () => undefined, client: "192.0.2.1" };

function plans(): Plans {
  const object = { getByName: (name: string) => ({ name }) };
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

/** Milliseconds after which a plan is asked for again. */
const KEPT = 5_000;

/** As the leader and the replicas of a feed with a plan do. */
async function planned({ object, isLast }: AskedObject): Promise<Answer<string>> {
  if (object.name === "f/weur/0") return { served: "a replica" };
  return isLast ? { served: "the leader" } : { served: undefined, plan: { weur: 1 } };
}

/** The same while the leader has no room, nor time to tell of the plan. */
async function crowded(asked: AskedObject): Promise<Answer<string>> {
  return asked.object.name === "f" ? { served: undefined } : planned(asked);
}

test("requests that come while another asks again for a plan go by the one before, without waiting", async () => {
  vi.useFakeTimers();
  const all = plans();
  await all.serve("f", ASKER, planned);
  await vi.advanceTimersByTimeAsync(KEPT);
  void all.serve("f", ASKER, () => new Promise<never>(() => {}));
  expect(await all.serve("f", ASKER, planned)).toBe("a replica");
});

test("a leader without room for a read is asked once, and what it has told before still holds", async () => {
  vi.useFakeTimers();
  const all = plans();
  const ask = vi.fn(crowded);
  expect(await all.serve("f", ASKER, ask)).toBeUndefined();
  expect(ask).toHaveBeenCalledTimes(1);

  await all.serve("f", ASKER, planned);
  await vi.advanceTimersByTimeAsync(KEPT);
  expect(await all.serve("f", ASKER, crowded)).toBe("a replica");
});

test("[REP6] while the leader is down, requests go by the plan before", async () => {
  vi.useFakeTimers();
  const all = plans();
  expect(await all.serve("f", ASKER, planned)).toBe("a replica");
  const down = async (asked: AskedObject): Promise<Answer<string>> => {
    if (asked.object.name === "f") throw new Error("the leader is down");
    return planned(asked);
  };
  for (let i = 0; i < 3; i++) {
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await all.serve("f", ASKER, down)).toBe("a replica");
  }
  await expect(plans().serve("f", ASKER, down)).rejects.toThrow("the leader is down");
});

/** The leader never answers. */
function hangs(replica: Answer<string>): (asked: AskedObject) => Promise<Answer<string>> {
  return async ({ object }) => (object.name === "f" ? new Promise<never>(() => {}) : replica);
}

test("[REP3] nobody waits for more than 5 s for a leader that does not answer, be there a replica or not", async () => {
  vi.useFakeTimers();
  const all = plans();
  await all.serve("f", ASKER, planned);
  await vi.advanceTimersByTimeAsync(KEPT);
  const first = all.serve("f", ASKER, hangs({ served: "a replica" }));
  const second = all.serve("f", ASKER, hangs({ served: undefined }));
  const failed = expect(second).rejects.toThrow("the leader does not answer");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await first).toBe("a replica");
  await failed;
});
