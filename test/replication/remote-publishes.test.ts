import { expect, test } from "vitest";
import { RemotePublishes } from "../../src/durable/replica/remote-publishes.ts";
import { Budget } from "../../src/feed/fanout/budget.ts";
import { encodeReceipt } from "../../src/protocol/answers.ts";

const RECEIPT = { epoch: "e1", seq: 1, accepted: 1, stale: 0 };
/** Half a megabyte. */
const batch = { updates: ["x".repeat(512 * 1024)] };

test("[REP5] a leader that does not answer has a replica keep no more than a few megabytes of one publisher's", async () => {
  const silent = Promise.withResolvers<string>();
  const publishes = new RemotePublishes(() => ({ acceptBatch: () => silent.promise }), new Budget().publishes);
  const waiting = Array.from({ length: 4 }, () => publishes.accept(batch, "one"));
  for (let i = 0; i < 100; i++)
    expect(await publishes.accept(batch, "one")).toMatchObject({ ok: false, code: "rate_limited" });
  const others = Array.from({ length: 100 }, (_, i) => publishes.accept(batch, `other ${i}`));
  expect(await others.at(-1)).toMatchObject({ ok: false, code: "overloaded" });

  silent.resolve(encodeReceipt("f", RECEIPT));
  for (const outcome of await Promise.all([...waiting, others[0]])) expect(outcome).toMatchObject({ ok: true });
  expect(await publishes.accept(batch, "one")).toMatchObject({ ok: true });
});
