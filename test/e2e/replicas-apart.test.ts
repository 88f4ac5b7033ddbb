import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BINDINGS, publish, snapshot } from "./support/api.ts";
import { Publisher } from "./support/publisher.ts";
import { Subscriber } from "./support/subscriber.ts";
import { until } from "./support/until.ts";
import { lostFrom } from "./support/update-log.ts";
import { compileWorker, lastingPort, Workerd } from "./support/workerd.ts";

/** A feed's leader and its two replicas, each side in a process of its own: one alone can be killed. */
let [leader, replicas]: (Workerd | undefined)[] = [];
let build: string;
const subscribers: Subscriber[] = [];

beforeAll(async () => {
  build = await mkdtemp(join(tmpdir(), "tickertape-apart-"));
  await compileWorker(build, { config: "test/bench/apart/wrangler.toml" });
  const [port, other] = [await lastingPort(), await lastingPort()];
  const settings = { ...BINDINGS, REPLICAS: "wnam", REPLICA_COUNT: "2", HOSTS: "1" };
  leader = await Workerd.start({ build, port, others: [other], bindings: { ...settings, SIDE: "leader" } });
  replicas = await Workerd.start({ build, port: other, others: [port], bindings: { ...settings, SIDE: "0" } });
});

afterEach(() => {
  for (const subscriber of subscribers.splice(0)) subscriber.close();
});

afterAll(async () => {
  await Promise.all([leader?.dispose(), replicas?.dispose()]);
  await rm(build, { recursive: true, force: true });
});

/** Adds a subscriber of a replica, with a client IP of its own. */
function subscribe(feed: string): void {
  const ip = { "CF-Connecting-IP": `203.0.113.${subscribers.length}` };
  subscribers.push(new Subscriber(`${replicas?.url}/v1/feeds/${feed}`, "mode=all", ip));
}

/** A feed that is published to, and subscribers of its replicas. */
async function busyFeed(feed: string): Promise<{ url: string; publisher: Publisher; stop: () => Promise<void> }> {
  const url = `${leader?.url}/v1/feeds/${feed}`;
  const publisher = new Publisher(url, "p0");
  await publish(url, { key: "a", set: { n: 0 } });
  for (let i = 0; i < 8; i++) subscribe(feed);
  await Promise.all(subscribers.map((subscriber) => subscriber.reaches(1)));
  let over = false;
  const running = publisher.run(() => over);
  await until(() => publisher.acknowledged.length >= 20, "publishing to go on");
  const stop = async (): Promise<void> => {
    over = true;
    await running;
  };
  return { url, publisher, stop };
}

/** All have all that was acknowledged, each update once. */
async function expectAllToHaveAll(url: string, publisher: Publisher): Promise<void> {
  await publisher.run(() => true);
  const { seq } = await publish(url, { key: "a", set: { n: 1 } });
  await Promise.all(subscribers.map((subscriber) => subscriber.reaches(seq)));
  const now = await snapshot(url);
  expect(lostFrom(now, publisher.batches)).toEqual([]);
  for (const { view } of subscribers) {
    expect(view.state()).toEqual(now.entries);
    expect(view.faults).toEqual([]);
    expect(view.reasons).toEqual(["initial"]);
  }
}

describe("a feed whose leader and replicas are in different places", () => {
  test("[REP6] goes on being shown while its leader is killed, and shows all of it once it is back", async () => {
    const { url, publisher, stop } = await busyFeed("leader");
    await leader?.kill();
    await stop();
    // Those who are connected stay, and others get what the replicas have.
    subscribe("leader");
    await subscribers.at(-1)?.reaches(1);
    const highest = Math.max(...subscribers.map(({ view }) => view.position?.seq ?? 0));
    leader = await leader?.again();
    expect((await snapshot(url)).seq, "a subscriber saw more than was kept").toBeGreaterThanOrEqual(highest);
    await expectAllToHaveAll(url, publisher);
    expect(subscribers.map(({ connected }) => connected)).toEqual(subscribers.map(() => 1));
  });

  test("[REP6] goes on being published to while its replicas are killed, whose subscribers resume at others", async () => {
    const { url, publisher, stop } = await busyFeed("replicas");
    await replicas?.kill();
    const before = publisher.acknowledged.length;
    await until(() => publisher.acknowledged.length >= before + 20, "publishing to go on without replicas");
    replicas = await replicas?.again();
    await until(() => subscribers.every(({ isConnected }) => isConnected), "all to be back");
    await stop();
    await expectAllToHaveAll(url, publisher);
  });
});
