import { describe, expect, test } from "vitest";
import { Idempotency, type KeyedPublish, type RememberedPublish } from "../../../src/feed/state/idempotency.ts";
import { LIMITS, SERVER_LIMITS } from "../../../src/protocol/limits.ts";

const receipt = { epoch: "e", seq: 1, accepted: 1, stale: 0 };
const PUBLISH: KeyedPublish = { key: "order-1", digest: "d", content: 1, credential: "c", principal: "p" };

/** Its storage is a map: everything is written at once. */
class Memory {
  readonly stored = new Map<number, RememberedPublish>();
  readonly idempotency: Idempotency;
  reads = 0;

  constructor(most: number = SERVER_LIMITS.rememberedPublishes) {
    const read = (ordinal: number): RememberedPublish | undefined => {
      this.reads++;
      return this.stored.get(ordinal);
    };
    this.idempotency = new Idempotency(7, read, most);
  }

  publish(publish: Partial<KeyedPublish>, at = 0): RememberedPublish {
    const remembered = this.idempotency.remember({ ...PUBLISH, ...publish, at, receipt });
    this.stored.set(remembered.ordinal, remembered);
    this.idempotency.written([remembered]);
    return remembered;
  }

  find(publish: Partial<KeyedPublish> = {}, now = 0): string | undefined {
    return this.idempotency.find({ ...PUBLISH, ...publish }, now)?.kind;
  }
}

test("[IDEM4] a publish is remembered for ten minutes and no longer", () => {
  const memory = new Memory();
  memory.publish({}, 5);
  expect(memory.find({}, 4 + LIMITS.idempotencyWindow)).toBe("repeat");
  expect(memory.find({}, 5 + LIMITS.idempotencyWindow)).toBeUndefined();
  expect(memory.idempotency.waitForRoom("c", 5 + LIMITS.idempotencyWindow)).toBe(0);
  expect(memory.idempotency.size).toBe(0);
});

test("a publish that is not written yet is known", () => {
  const { idempotency } = new Memory();
  idempotency.remember({ ...PUBLISH, at: 0, receipt });
  expect(idempotency.find(PUBLISH, 0)).toEqual({ kind: "repeat", receipt });
});

describe("keys are kept apart by credential", () => {
  test.each<[string, Partial<KeyedPublish>, string | undefined]>([
    ["the same publisher with the same body, its credential renewed", { credential: "renewed" }, "repeat"],
    ["the same credential with another body", { digest: "other" }, "mismatch"],
    ["another credential of the publisher with another body", { credential: "c2", digest: "other" }, undefined],
    ["another publisher with the same body", { credential: "c2", principal: "p2" }, undefined],
    ["another publisher with another body", { credential: "c2", principal: "p2", digest: "other" }, undefined],
    ["another key", { key: "order-2" }, undefined],
  ])("%s", (_, publish, found) => {
    const memory = new Memory();
    memory.publish({});
    expect(memory.find(publish)).toBe(found);
  });

  test("each of several publishes with one key has its own receipt", () => {
    const memory = new Memory();
    for (let i = 0; i < 5; i++) memory.publish({ principal: `p${i}`, credential: `c${i}`, digest: `d${i}` });
    for (let i = 0; i < 5; i++) {
      const own = { principal: `p${i}`, credential: `c${i}`, digest: `d${i}` };
      expect(memory.find(own)).toBe("repeat");
      expect(memory.find({ ...own, digest: "other" })).toBe("mismatch");
    }
  });

  test("[IDEM3] [I7] the search for a key that many credentials of one publisher have used is bounded", () => {
    const memory = new Memory();
    for (let i = 0; i < 1000; i++) memory.publish({ credential: `c${i}`, digest: `d${i}` });
    memory.reads = 0;
    expect(memory.find({ credential: "new", digest: "new" })).toBe("mismatch");
    expect(memory.reads).toBeLessThan(20);
  });
});

describe("[IDEM5] [I9] remembered publishes", () => {
  test("take some twelve bytes each", () => {
    const memory = new Memory();
    const hashes = { key: 0, credential: 1 };
    for (let i = 0; i < 300_000; i++) {
      memory.idempotency.restore(i + 1, { ...hashes, key: (i * 2654435761) >>> 0 }, i);
    }
    expect(memory.idempotency.bytes / memory.idempotency.size).toBeLessThan(16);
  });

  test("of one credential are at most as many as are left for others, and an honest credential always finds room", () => {
    const memory = new Memory(1000);
    let greedy = 0;
    while (memory.idempotency.waitForRoom("greedy", 0) === 0) {
      memory.publish({ key: `g${greedy++}`, credential: "greedy" });
    }
    expect(greedy).toBe(500);
    for (let i = 0; i < 200; i++) {
      expect(memory.idempotency.waitForRoom("honest", 0)).toBe(0);
      memory.publish({ key: `h${i}`, credential: "honest" });
    }
    expect(memory.idempotency.waitForRoom("greedy", 1000)).toBe(LIMITS.idempotencyWindow - 1000);
    expect(memory.idempotency.waitForRoom("greedy", LIMITS.idempotencyWindow)).toBe(0);
  });

  test("have room for a publisher at the highest rate, for any time", () => {
    const idempotency = new Idempotency(7, () => undefined);
    const hashes = { key: 0, credential: 0 };
    for (let second = 0, ordinal = 1; second < 1300; second++) {
      const at = second * 1000;
      if (idempotency.waitForRoom("honest", at) > 0) expect.unreachable(`refused after ${second} s`);
      // First a burst, then as many as the rate allows.
      const publishes = second === 0 ? 60_000 : 1_000;
      for (let i = 0; i < publishes; i++, ordinal++) {
        idempotency.restore(ordinal, { ...hashes, key: (ordinal * 2654435761) >>> 0, credential: CREDENTIAL }, at);
      }
    }
  });
});

/** The hash of "honest" with the seed above. */
const CREDENTIAL = new Memory().publish({ credential: "honest" }).hashes.credential;
