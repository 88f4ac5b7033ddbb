import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_KEY, listFeeds, post, publish, snapshot, type Receipt } from "./support/api.ts";
import { UpdateLog, lostFrom, readHistory } from "./support/update-log.ts";
import { Publisher, type Batch } from "./support/publisher.ts";
import { Subscriber } from "./support/subscriber.ts";
import { until } from "./support/until.ts";
import type { Update } from "../../src/protocol/update.ts";
import { Server } from "./support/server.ts";

/** How often the server is killed. More make a longer, harder run; past some 50, history forgets the first updates. */
const ROUNDS = Number(process.env["TICKERTAPE_ROUNDS"] ?? 3);
const PUBLISHERS = 12;
/** What each subscriber asks for, and which keys that is. */
const SUBSCRIPTIONS: [query: string, selects: (key: string) => boolean][] = [
  ["", () => true],
  ["mode=all", () => true],
  ["keys=p0.a,p1.*", (key) => key === "p0.a" || key.startsWith("p1.")],
  ["mode=all&keys=p2.*,p3.gone", (key) => key.startsWith("p2.") || key === "p3.gone"],
  ["hz=5", () => true],
];

/** Shown to the subscribers of all keys before the load begins, and to every subscriber once it is over. */
const OPENING: Update[] = [{ key: "p0.a", set: { n: 0 } }];
const CLOSING: Update[] = ["p1", "p2"].map((name) => ({ key: `${name}.closing`, set: { n: 0 } }));

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.dispose());

describe("invariants 1 to 3, with the process killed", () => {
  test(
    "no acknowledged update is lost, none comes twice, and no subscriber sees what a crash takes back",
    async () => {
      const url = `${server.url}/v1/feeds/load`;
      const subscribers = SUBSCRIPTIONS.map(([query]) => new Subscriber(url, query));
      const publishers = Array.from({ length: PUBLISHERS }, (_, i) => new Publisher(url, `p${i}`));
      const batches = () => publishers.flatMap((publisher) => publisher.batches);
      const born: Receipt[] = [];
      await Promise.all(subscribers.map((subscriber) => subscriber.reaches(0)));
      const opening = await publish(url, OPENING);
      await Promise.all(subscribers.slice(0, 3).map((subscriber) => subscriber.reaches(1)));

      for (let round = 1; round <= ROUNDS; round++) {
        let over = false;
        const before = batches().filter(({ receipt }) => receipt).length;
        const working = publishers.map((publisher) => publisher.run(() => over));
        working.push(beget(round, born, () => over));
        await until(
          () => batches().filter(({ receipt }) => receipt).length >= before + PUBLISHERS,
          "publishing to go on",
        );
        // The moment is random on purpose: the test waits for nothing.
        await wait(Math.random() * 600);
        await server.kill();
        over = true;
        await Promise.all(working);
        await until(() => !subscribers.some(({ isConnected }) => isConnected), "the connections to break");
        const seen = subscribers.flatMap(({ view }) => view.messages.map(({ seq = 0 }) => seq));
        const highest = seen.reduce((a, b) => Math.max(a, b), 0);
        await server.restart();

        const restored = await snapshot(url);
        expect(restored.epoch).toBe(opening.epoch);
        expect(restored.seq, "a subscriber saw more than was kept").toBeGreaterThanOrEqual(highest);
        expect(lostFrom(restored, batches())).toEqual([]);
        for (const { feed, ...position } of born.filter(({ feed }) => feed.startsWith(`born-${round}-`))) {
          expect(await snapshot(`${server.url}/v1/feeds/${feed}`)).toMatchObject({ epoch: position.epoch, seq: 1 });
        }
        const listed = new Set(await listFeeds(server.url));
        expect(["load", ...born.map(({ feed }) => feed)].filter((feed) => !listed.has(feed))).toEqual([]);
        await Promise.all(publishers.map((publisher) => publisher.repeat()));
      }

      // Retries what the last crash left unanswered; then one update that every subscriber is shown.
      await Promise.all(publishers.map((publisher) => publisher.run(() => true)));
      const closing = await publish(url, CLOSING);
      await Promise.all(subscribers.map((subscriber) => subscriber.reaches(closing.seq)));
      for (const subscriber of subscribers) subscriber.close();

      const { seq, entries } = await snapshot(url);
      expect(seq).toBe(closing.seq);
      for (const [i, [query, selects]] of SUBSCRIPTIONS.entries()) {
        const { view, connected } = subscribers[i]!;
        const selected = Object.entries(entries).filter(([key]) => selects(key));
        expect(view.state(), query).toEqual(Object.fromEntries(selected));
        expect(view.faults, query).toEqual([]);
        // Each outage was short enough to be bridged by what was missed.
        expect(view.reasons, query).toEqual(["initial"]);
        expect(connected, query).toBeGreaterThan(ROUNDS);
      }
      expect(publishers.flatMap(({ faults }) => faults)).toEqual([]);

      const log = new UpdateLog(subscribers[1]!.view.messages);
      expect(log.faults).toEqual([]);
      expect(log.updates.size).toBe(seq);
      expect(log.entries()).toEqual(entries);
      const own: Batch[] = [
        { updates: OPENING, idempotencyKey: undefined, receipt: opening },
        { updates: CLOSING, idempotencyKey: undefined, receipt: closing },
      ];
      expect(log.check([...own, ...batches()])).toEqual([]);
      for (const [i, [query, selects]] of SUBSCRIPTIONS.entries()) {
        expect(log.follow(subscribers[i]!.view.messages, selects), query).toEqual([]);
      }
      const some = subscribers[3]!.view.messages.flatMap(({ updates = [] }) => updates);
      expect(some).toEqual([...log.updates.values()].filter(({ key }) => SUBSCRIPTIONS[3]![1](key)));
      for (const key of ["p0.a", "p1.b", "p2.gone", "p3.a"]) {
        expect(await readHistory(url, key), key).toEqual(log.ofKey(key));
      }
    },
    60_000 + ROUNDS * 15_000,
  );

  test(
    "nor while a checkpoint is made, which takes many steps",
    async () => {
      const url = `${server.url}/v1/feeds/checkpoints`;
      // 8 MB of entries, and as much is published in a second: a checkpoint is under way most of the time.
      const pad = "x".repeat(60_000);
      const filled = new Map<string, number>();
      const fill = async (n: number): Promise<void> => {
        const keys = Array.from({ length: 16 }, (_, i) => `fill-${(16 * n + i) % 128}`);
        await publish(
          url,
          keys.map((key) => ({ key, set: { n, pad } })),
        );
        for (const key of keys) filled.set(key, n);
      };
      let n = 0;
      while (n < 8) await fill(n++);
      const publishers = Array.from({ length: 4 }, (_, i) => new Publisher(url, `p${i}`));
      for (let round = 1; round <= 2 * ROUNDS; round++) {
        let over = false;
        const working = publishers.map((publisher) => publisher.run(() => over));
        working.push(fillUntil(() => over));
        await wait(200 + Math.random() * 300);
        await server.kill();
        over = true;
        await Promise.all(working);
        await server.restart();
        const restored = await snapshot(url);
        expect(
          lostFrom(
            restored,
            publishers.flatMap(({ batches }) => batches),
          ),
        ).toEqual([]);
        const lost = [...filled].filter(([key, n]) => Number(restored.entries[key]?.["n"]) < n);
        expect(lost).toEqual([]);
        await Promise.all(publishers.map((publisher) => publisher.repeat()));
      }
      expect(publishers.flatMap(({ faults }) => faults)).toEqual([]);

      async function fillUntil(stopped: () => boolean): Promise<void> {
        try {
          while (!stopped()) await fill(n++);
        } catch (error) {
          // Its connection broke.
          if (!(error instanceof TypeError)) throw error;
        }
      }
    },
    60_000 + ROUNDS * 15_000,
  );

  test("a publish is repeated across a crash without being doubled", async () => {
    const url = `${server.url}/v1/feeds/repeated`;
    const headers = { "Idempotency-Key": "order-1" };
    const first = await post(url, { key: "A", patch: { n: 1 } }, headers);
    const receipt = await first.json();
    await server.crash();
    const second = await post(url, { key: "A", patch: { n: 1 } }, headers);
    expect(second.headers.get("Idempotency-Replayed")).toBe("true");
    expect(await second.json()).toEqual(receipt);
    const other = await post(url, { key: "A", patch: { n: 2 } }, headers);
    expect([other.status, await other.json()]).toMatchObject([422, { code: "idempotency_mismatch" }]);
    expect(await snapshot(url)).toMatchObject({ seq: 1, entries: { A: { n: 1 } } });
  });

  test("an acknowledged reset is not taken back, and a subscriber that was away learns of it", async () => {
    const url = `${server.url}/v1/feeds/reset`;
    await publish(url, { key: "A", set: { n: 1 } });
    const subscriber = new Subscriber(url);
    await subscriber.reaches(1);
    const response = await fetch(url, { method: "DELETE", headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
    const answer = await response.json();
    await server.crash();
    const { feed, epoch, seq, entries } = await snapshot(url);
    expect(answer).toEqual({ feed, epoch, seq });
    expect([seq, entries]).toEqual([0, {}]);
    await until(() => subscriber.connected === 2 && subscriber.view.position?.epoch === epoch, "the new epoch");
    expect(subscriber.view.state()).toEqual({});
    subscriber.close();
  });

  test("an entry's time to live goes on over a crash", async () => {
    const url = `${server.url}/v1/feeds/ttl`;
    await publish(url, [
      { key: "A", set: { n: 1 }, ttl: 1 },
      { key: "B", set: { n: 2 } },
    ]);
    await server.crash();
    const subscriber = new Subscriber(url);
    // Without a publish or a read, the feed itself has to notice that the time is up.
    await until(() => subscriber.view.position && !subscriber.view.entries.has("A"), "A to be deleted");
    expect(subscriber.view.state()).toEqual({ B: { n: 2 } });
    subscriber.close();
  });
});

/** Publishes to one new feed after another, until told to stop or the server is gone. */
async function beget(round: number, born: Receipt[], stopped: () => boolean): Promise<void> {
  const { url } = server;
  try {
    for (let i = 0; !stopped(); i++) {
      born.push(await publish(`${url}/v1/feeds/born-${round}-${i}`, { key: "A", set: { n: 1 } }));
    }
  } catch (error) {
    // Its connection broke; anything that the server answered is for the test to fail on.
    if (!(error instanceof TypeError)) throw error;
  }
}
