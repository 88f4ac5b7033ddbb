import { setTimeout as wait } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { createPublisher, PublishRefusedError, PublishUnknownError } from "../../src/publisher/index.ts";
import { PUBLISH_KEY } from "./support/api.ts";
import { readHistory } from "./support/update-log.ts";
import { LossyProxy, type Fate } from "./support/lossy-proxy.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";

/** How many calls are made; `TICKERTAPE_ROUNDS` makes it more. */
const CALLS = 8 * Number(process.env["TICKERTAPE_ROUNDS"] ?? 12);

let server: SharedServer;

beforeAll(async () => {
  server = await sharedWorkerd();
});

const FATES: readonly Fate[] = [
  "pass",
  "pass",
  "lose the request",
  "lose the answer",
  { late: 100 },
  { late: 600 },
  { status: 401 },
  { status: 409 },
  { status: 413 },
  { status: 502 },
];

test("[I1] through a proxy that loses, delays past the time-out and refuses, no update is there twice, and none that is called undone", async () => {
  let heals = false;
  // The first is refused, before anything is in doubt: so that some calls are called undone.
  let next: Fate | undefined = { status: 409 };
  const proxy = await LossyProxy.start(server.url, () => {
    const fate = next ?? FATES[Math.floor(Math.random() * FATES.length)] ?? "pass";
    next = undefined;
    return heals ? "pass" : fate;
  });
  const publisher = createPublisher({
    url: proxy.url,
    feed: "doubt",
    // One that is asked for: a refusal is not the end.
    key: () => PUBLISH_KEY,
    batchUpdates: 6,
    timeout: 250,
    giveUpAfter: 600,
  });
  const calls: { readonly ns: number[]; readonly outcome: Promise<unknown> }[] = [];
  let n = 0;
  for (let i = 0; i < CALLS; i++) {
    const ns = Array.from({ length: 1 + (i % 3) }, () => ++n);
    const updates = ns.map((n) => ({ key: "n", set: { n } }));
    const outcome = publisher.publish(updates).catch((error: unknown) => error);
    calls.push({ ns, outcome });
    if (i === 0) await outcome;
    if (i % 5 === 4) await wait(Math.random() * 60);
    if (i % 40 === 39) await publisher.flush().catch(() => {});
  }
  heals = true;
  await publisher.close().catch(() => {});
  await proxy.settled();
  proxy.close();

  const kept = await readHistory(`${server.url}/v1/feeds/doubt`, "n");
  const applied = kept.map(({ update }) => ("set" in update ? Number(update.set["n"]) : 0));
  expect(new Set(applied).size, "twice").toBe(applied.length);
  const counts = { done: 0, undone: 0, unknown: 0 };
  for (const { ns, outcome } of calls) {
    const ended = await outcome;
    const there = ns.filter((n) => applied.includes(n)).length;
    if (ended instanceof PublishUnknownError) {
      counts.unknown++;
      expect([0, ns.length], "whole").toContain(there);
    } else if (ended instanceof PublishRefusedError) {
      counts.undone++;
      expect(there, `called undone: ${ended.message}`).toBe(0);
    } else {
      counts.done++;
      expect(there, "done").toBe(ns.length);
    }
  }
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0);
});
