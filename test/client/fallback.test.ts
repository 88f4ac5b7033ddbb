import { beforeEach, describe, expect, test } from "vitest";
import type { Feed, FeedOptions, FeedState } from "../../src/client/types.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { FakeServer } from "./support/fake-server.ts";
import { World } from "./support/world.ts";

let world: World;
/** Three transports to one server. */
let first: FakeServer;
let second: FakeServer;
let third: FakeServer;

beforeEach(() => {
  world = new World();
  first = new FakeServer(world);
  second = new FakeServer(world, first.fixture);
  third = new FakeServer(world, first.fixture);
});

const open = (options: FeedOptions = {}) => world.connect(options, first, second, third);
const minutes = (count: number): number => count * 60_000;

/** A feed that is live over the second transport, and the states that it shows from then on. */
async function liveOverSecond(): Promise<{ feed: Feed<JsonObject>; states: FeedState[] }> {
  first.swallows = true;
  const feed = open();
  await world.pass(6_000);
  const states: FeedState[] = [];
  feed.on("status", ({ state }) => void states.push(state));
  return { feed, states };
}

describe("[I2] a transport that swallows frames is left for another", () => {
  test("within 6 s of connecting, if nothing opens", async () => {
    const { feed } = await liveOverSecond();
    expect([feed.state, first.openings.length, second.openings.length]).toEqual(["live", 1, 1]);
  });

  test("so is one that two attempts in a row did not open", async () => {
    first.isUp = false;
    const feed = open();
    await world.pass(60_000);
    expect([feed.state, first.openings.length, second.openings.length]).toEqual(["live", 2, 1]);
  });

  test("within 12 s, if the next one does so too", async () => {
    first.swallows = second.swallows = true;
    const feed = open();
    await world.pass(12_000);
    expect([feed.state, third.openings.length]).toEqual(["live", 1]);
  });

  test("if only the beginning comes through", async () => {
    const feed = open();
    await world.pass(15);
    expect(feed.state).toBe("live");
    first.link!.isDead = true;
    await world.pass(14_000);
    expect([feed.state, second.openings.length]).toEqual(["live", 1]);
  });

  test("and each is tried again, for longer, until one gets through", async () => {
    first.swallows = second.swallows = third.swallows = true;
    const feed = open();
    await world.pass(minutes(2));
    second.swallows = false;
    second.delay = 3_000;
    await world.pass(minutes(2));
    expect(feed.state).toBe("live");
  });
});

describe("while another transport is in use, the first is tried beside it", () => {
  test("and used as soon as it works, from the same position", async () => {
    const { feed, states } = await liveOverSecond();
    first.swallows = false;
    second.publish({ key: "A", set: { n: 1 } });
    await world.pass(minutes(1) + 2_000);
    expect([...new Set(states)]).toEqual(["recovering", "live"]);
    expect([first.link?.request.since, second.link, feed.get("A")]).toEqual(["e1:1", undefined, { n: 1 }]);
    // One of them is the trial.
    expect(first.openings).toHaveLength(3);
  });

  test("after 1, 2, 4, 8 and then every 15 minutes, and what is live stays so", async () => {
    const { feed, states } = await liveOverSecond();
    await world.pass(minutes(62));
    expect(states).toEqual([]);
    expect(feed.counters.connections).toBe(1);
    const waits = first.openings.slice(1).map((at, i) => Math.round((at - first.openings[i]!) / minutes(1)));
    expect(waits).toEqual([1, 2, 4, 8, 15, 15, 15]);
    expect(first.links.some((link) => link.isHeld)).toBe(false);
  });

  test("with waits of each connection's own, which begin anew once it has worked", async () => {
    const other = await liveOverSecond();
    other.feed.close();
    await world.pass(minutes(60));
    expect(first.openings).toHaveLength(1);
    const { feed } = await liveOverSecond();
    await world.pass(minutes(4));
    first.swallows = false;
    await world.pass(minutes(4));
    expect([feed.state, first.link?.isHeld]).toEqual(["live", true]);
    first.swallows = true;
    first.restart(1006);
    await world.pass(20_000);
    expect([feed.state, second.link?.isHeld]).toEqual(["live", true]);
    const before = first.openings.length;
    await world.pass(minutes(1));
    expect(first.openings).toHaveLength(before + 1);
  });

  test("until the feed is closed, which leaves nothing behind", async () => {
    const { feed } = await liveOverSecond();
    await world.pass(minutes(1) - 1_000);
    expect(first.link).toBeDefined();
    feed.close();
    expect([world.timers, world.watchers, first.link, second.link]).toEqual([0, 0, undefined, undefined]);
  });
});

test("an attempt for which no token comes is ended by a reconnect", async () => {
  let asked = 0;
  const feed = open({ token: () => (++asked === 1 ? new Promise<string>(() => {}) : "token") });
  await world.pass(1_500);
  world.promises();
  feed.reconnect();
  world.promises();
  await world.pass(100);
  expect([feed.state, asked]).toEqual(["live", 2]);
});
