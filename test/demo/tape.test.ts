import { afterEach, expect, test, vi } from "vitest";
import { Market } from "../../src/demo/market.ts";
import { seededRandom } from "../../src/demo/random.ts";
import { Tape } from "../../src/demo/tape.ts";
import type { MarketUpdate, StockFields } from "../../src/demo/stock.ts";
import type { Fate } from "../publisher/publish-endpoint.ts";
import { often, setUp, START } from "../publisher/set-up.ts";
import { applyTo } from "./apply.ts";

afterEach(() => vi.useRealTimers());

const TICK_MS = 100;

function open(fates: readonly Fate[], rate = 40, maxPending = 10_000) {
  const market = new Market({ random: seededRandom(7), rate, start: START });
  const { publisher, server } = setUp(fates, { conflate: true, maxPending });
  const refused = vi.fn();
  const tape = new Tape(market, publisher, refused);
  return {
    publisher,
    server,
    refused,
    /** Lets `seconds` seconds pass: very many of them in longer steps. */
    run: async (seconds: number): Promise<void> => {
      const step = seconds > 60 ? 10 * TICK_MS : TICK_MS;
      for (let ms = 0; ms < seconds * 1000; ms += step) {
        tape.tick(Date.now());
        await vi.advanceTimersByTimeAsync(step);
      }
    },
    /** The entries that the server has, and those of the market. */
    entries: (): [server: Map<string, unknown>, market: Map<string, unknown>] => {
      const entries = new Map<string, StockFields>();
      for (const update of server.applied as MarketUpdate[]) applyTo(entries, update);
      const expected = new Map(market.entries().map((entry) => [entry.key, "set" in entry && entry.set]));
      return [entries, expected];
    },
  };
}

test("what happens is published as it happens: whole entries first, then what changed", async () => {
  const { server, run, entries } = open([]);
  await run(10);
  const alike = new Market({ random: seededRandom(7), rate: 40, start: START });
  expect(server.applied).toEqual(Array.from({ length: 100 }, (_, n) => alike.advance(START + n * TICK_MS)).flat());
  const [shown, market] = entries();
  expect(shown).toEqual(market);
});

test("a batch that is too large for one POST is published in several", async () => {
  const { server, run, entries } = open([], 9_999, 100_000);
  await run(0.1);
  await vi.advanceTimersByTimeAsync(2_000);
  await run(0.2);
  expect(server.applied.length).toBeGreaterThan(10_000);
  const [shown, market] = entries();
  expect(shown).toEqual(market);
});

test("while the server does not answer, at most one entry per stock waits, and then the server gets all of them", async () => {
  const { publisher, run, entries } = open(["accept", ...often(60, "refused connection" as const)]);
  await run(2);
  const before = publisher.pending;
  await run(120);
  expect(publisher.status.state).toBe("away");
  expect(publisher.pending).toBeLessThanOrEqual(before + 40);
  await run(600);
  expect(publisher.status.state).toBe("delivering");
  const [shown, market] = entries();
  expect(shown).toEqual(market);
});

test("updates whose outcome is unknown are replaced by whole entries", async () => {
  const { publisher, run, entries } = open(["accept", ...often(60, "hang" as const)]);
  await run(700);
  expect(publisher.status.state).toBe("away");
  await run(400);
  expect(publisher.status.state).toBe("delivering");
  const [shown, market] = entries();
  expect(shown).toEqual(market);
});

test("a reset of the feed is noticed, and whole entries follow", async () => {
  const { server, run, entries } = open([]);
  await run(2);
  server.feed.epoch = "second";
  server.applied.length = 0;
  await run(1);
  const [shown, market] = entries();
  expect(shown).toEqual(market);
});

test("it ends when updates are refused for good", async () => {
  const { run, refused } = open([{ status: 404 }]);
  await run(0.2);
  expect(refused).toHaveBeenCalled();
});
