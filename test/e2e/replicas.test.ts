import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { publish, snapshot, statsOf } from "./support/api.ts";
import { Publisher } from "./support/publisher.ts";
import { Server } from "./support/server.ts";
import { Subscriber } from "./support/subscriber.ts";
import { until } from "./support/until.ts";
import { lostFrom, UpdateLog } from "./support/update-log.ts";

/** How often the process is killed, and how many subscribers there are. More make a longer, harder run. */
const ROUNDS = Number(process.env["TICKERTAPE_ROUNDS"] ?? 3);
const SUBSCRIBERS = Number(process.env["TICKERTAPE_SUBSCRIBERS"] ?? 40);
/** Subscribers that come while one plan holds. */
const AT_ONCE = 100;
/** What subscribers ask for in turn, and which keys that is. */
const SUBSCRIPTIONS: [query: string, selects: (key: string) => boolean][] = [
  ["mode=all", () => true],
  ["", () => true],
  ["mode=all&keys=p0.*", (key) => key.startsWith("p0.")],
  ["hz=5", () => true],
];
/** A feed soon has replicas if an object takes so few subscribers. */
const REPLICAS = { REPLICAS: "auto", REPLICA_SOCKETS: String(Math.max(2, SUBSCRIBERS / 4)) };
const NO_REPLICAS = { REPLICAS: "off" };
/** Milliseconds for which a plan of the leader holds. */
const HOLD = 1_000;

let server: Server;
const subscribers: Subscriber[] = [];

afterEach(async () => {
  for (const subscriber of subscribers.splice(0)) subscriber.close();
  await server.dispose();
});

/** Adds subscribers, each with a client IP of its own: by that, the object is chosen that serves it. */
async function subscribe(url: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const n = subscribers.length;
    const [query] = SUBSCRIPTIONS[n % SUBSCRIPTIONS.length]!;
    subscribers.push(new Subscriber(url, query, { "CF-Connecting-IP": `198.18.${n >> 8}.${n & 255}` }));
  }
  await allReach(0);
}

/** Adds some, all but the first of whom find replicas: with its answer to that one, the leader tells of them. */
async function subscribeToReplicas(url: string, count: number): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await wait(HOLD);
    await subscribe(url, 1);
    await subscribe(url, Math.min(left, AT_ONCE) - 1);
  }
}

async function allReach(seq: number): Promise<void> {
  await Promise.all(subscribers.map((subscriber) => subscriber.reaches(seq)));
}

/** The leader's subscribers, and those of each replica that has some. Waits until all are counted. */
async function spread(url: string): Promise<{ onLeader: number; onReplicas: number[] }> {
  const counted = async () => {
    const stats = await statsOf(url);
    return stats.subscribers === subscribers.length && stats;
  };
  const { replicas } = await until(counted, "all subscribers to be counted", { every: 50 });
  const onReplicas = replicas.map((replica) => replica.subscribers).filter((count) => count > 0);
  return { onLeader: subscribers.length - onReplicas.reduce((sum, count) => sum + count, 0), onReplicas };
}

/** Each subscriber has what it selects of the feed, and no message was one too many or too few. */
function expectAllToHave(entries: Record<string, unknown>): void {
  for (const [i, { view }] of subscribers.entries()) {
    const [query, selects] = SUBSCRIPTIONS[i % SUBSCRIPTIONS.length]!;
    const selected = Object.entries(entries).filter(([key]) => selects(key));
    expect(view.state(), query).toEqual(Object.fromEntries(selected));
    expect(view.faults, query).toEqual([]);
    // Each outage was short enough to be bridged by what was missed.
    expect(view.reasons, query).toEqual(["initial"]);
  }
}

describe("a feed with replicas", () => {
  test(
    "loses nothing that was acknowledged if the process is killed, and shows every subscriber all of it, once",
    async () => {
      server = await Server.start(REPLICAS);
      const url = `${server.url}/v1/feeds/load`;
      const publishers = [0, 1].map((i) => new Publisher(url, `p${i}`));
      const batches = () => publishers.flatMap((publisher) => publisher.batches);
      await subscribe(url, 10);
      await subscribeToReplicas(url, SUBSCRIBERS - 10);
      const opening = await publish(url, { key: "p0.a", set: { n: 0 } });
      await allReach(opening.seq);

      for (let round = 1; round <= ROUNDS; round++) {
        const { onLeader, onReplicas } = await spread(url);
        expect(onLeader).toBeGreaterThan(0);
        expect(onReplicas.length).toBeGreaterThanOrEqual(2);
        let over = false;
        const before = batches().length;
        const working = publishers.map((publisher) => publisher.run(() => over));
        await until(() => batches().length >= before + 20, "publishing to go on");
        // The moment is random on purpose: the test waits for nothing.
        await wait(Math.random() * 300);
        await server.kill();
        over = true;
        await Promise.all(working);
        await until(() => !subscribers.some(({ isConnected }) => isConnected), "the connections to break");
        const highest = Math.max(...subscribers.map(({ view }) => view.position?.seq ?? 0));
        await server.restart();
        const restored = await snapshot(url);
        expect(restored.epoch).toBe(opening.epoch);
        expect(restored.seq, "a subscriber saw more than was kept").toBeGreaterThanOrEqual(highest);
        expect(lostFrom(restored, batches())).toEqual([]);
        await Promise.all(publishers.map((publisher) => publisher.repeat()));
        await until(() => subscribers.every(({ isConnected }) => isConnected), "all to be back");
      }

      // Retries what the last crash left unanswered; then one update that every subscriber is shown.
      await Promise.all(publishers.map((publisher) => publisher.run(() => true)));
      const closing = await publish(url, { key: "p0.closing", set: { n: 0 } });
      await allReach(closing.seq);
      const { seq, entries } = await snapshot(url);
      expect(seq).toBe(closing.seq);
      expectAllToHave(entries);
      expect(publishers.flatMap(({ faults }) => faults)).toEqual([]);

      const log = new UpdateLog(subscribers[0]!.view.messages);
      expect(log.faults).toEqual([]);
      expect(log.entries()).toEqual(entries);
      const own = [opening, closing].map((receipt, i) => ({
        updates: [{ key: ["p0.a", "p0.closing"][i]!, set: { n: 0 } }],
        idempotencyKey: undefined,
        receipt,
      }));
      expect(log.check([...own, ...batches()])).toEqual([]);
      for (const [i, { view }] of subscribers.entries()) {
        const [query, selects] = SUBSCRIPTIONS[i % SUBSCRIPTIONS.length]!;
        expect(log.follow(view.messages, selects), query).toEqual([]);
        if (!query.startsWith("mode=all")) continue;
        expect(view.updates, query).toEqual([...log.updates.values()].filter(({ key }) => selects(key)));
      }
    },
    60_000 + ROUNDS * 15_000,
  );

  test("goes on from the storage of a deployment without replicas, and one without from its own", async () => {
    server = await Server.start(NO_REPLICAS);
    const url = `${server.url}/v1/feeds/moved`;
    await subscribe(url, 5);
    const { epoch } = await publish(url, { key: "p0.a", set: { n: 1 } });
    await allReach(1);
    expect(await spread(url)).toEqual({ onLeader: 5, onReplicas: [] });

    await server.kill();
    await server.restart({ ...REPLICAS, REPLICA_SOCKETS: "2" });
    await until(() => subscribers.every(({ isConnected }) => isConnected), "all to be back");
    await subscribeToReplicas(url, 5);
    expect((await spread(url)).onReplicas.length).toBeGreaterThanOrEqual(2);
    expect(await publish(url, { key: "p0.b", set: { n: 2 } })).toMatchObject({ epoch, seq: 2 });
    await allReach(2);

    await server.kill();
    await server.restart(NO_REPLICAS);
    expect(await publish(url, { key: "p0.c", set: { n: 3 } })).toMatchObject({ epoch, seq: 3 });
    await allReach(3);
    expect(await spread(url)).toEqual({ onLeader: 10, onReplicas: [] });
    const { entries } = await snapshot(url);
    expect(entries).toEqual({ "p0.a": { n: 1 }, "p0.b": { n: 2 }, "p0.c": { n: 3 } });
    expectAllToHave(entries);
  });
});
