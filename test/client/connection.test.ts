import { beforeEach, describe, expect, test } from "vitest";
import { ACK_EVERY } from "../../src/client/connection/timings.ts";
import type { FeedOptions, FeedStatus } from "../../src/client/index.ts";
import { SERVER_LIMITS } from "../../src/protocol/limits.ts";
import { FakeServer } from "./support/fake-server.ts";
import { World } from "./support/world.ts";

let world: World;
let server: FakeServer;

beforeEach(() => {
  world = new World();
  server = new FakeServer(world);
});

const open = (options: FeedOptions = {}) => world.connect(options, server);
const live = (options: FeedOptions = {}) => world.live(options, server);

const jwt = (exp: number): string => `e30.${btoa(JSON.stringify({ exp: exp / 1000 })).replace(/=+$/, "")}.sig`;

describe("a token", () => {
  test("is asked for before each connection, and renewed in band before it expires", async () => {
    const tokens: string[] = [];
    const token = (): string => {
      world.promises();
      server.token = jwt(world.now + 60_000);
      tokens.push(server.token);
      return server.token;
    };
    const feed = await live({ token });
    await world.pass(170_000);
    expect(feed.counters.connections).toBe(1);
    expect(tokens.length).toBeGreaterThan(3);
    expect(server.link?.heard.filter((text) => text.startsWith('{"type":"auth"'))).toHaveLength(tokens.length - 1);
    server.link?.end(1012);
    await world.pass(1_500);
    expect(server.link?.request.token).toBe(tokens.at(-1));
  });

  test("that cannot be had shows in the status, and is asked for again later", async () => {
    let tries = 0;
    const states: FeedStatus[] = [];
    const feed = open({
      token: () => {
        world.promises();
        if (++tries < 3) throw new Error("the shop is closed");
        return "good";
      },
    });
    feed.on("status", (status) => void states.push(status));
    await world.pass(10_000);
    expect(states[0]).toMatchObject({ state: "connecting", reason: "no token: the shop is closed" });
    expect(feed.state).toBe("live");
  });

  test("counts only as the answer to the last request", async () => {
    const answers: ((token: string) => void)[] = [];
    const feed = open({ token: () => new Promise((resolve) => void answers.push(resolve)) });
    await world.pass(22_000);
    expect(answers).toHaveLength(2);
    for (const [i, token] of ["late", "last"].entries()) {
      answers[i]?.(token);
      world.promises();
      await world.pass(100);
    }
    expect(server.links.map(({ request }) => request.token)).toEqual(["last"]);
    expect(feed.state).toBe("live");
  });

  test("is asked for after sleep", async () => {
    let asked = 0;
    const feed = await live({
      token: () => {
        world.promises();
        return `token-${++asked}`;
      },
    });
    world.now += 3_600_000;
    await world.pass(100);
    expect(asked).toBe(2);
    expect(server.link?.heard.at(-1)).toBe('{"type":"auth","token":"token-2"}');
    expect(feed.state).toBe("live");
  });
});

test("a half-open connection is found and replaced within 30 s, and nothing is missed", async () => {
  const feed = await live();
  server.link!.isDead = true;
  server.publish({ key: "A", set: { n: 1 } });
  await world.pass(31_000);
  expect(feed.get("A")).toEqual({ n: 1 });
  expect(feed.latency).toBe(10);
});

test("a lost network shows within 2 s, unless the connection still works", async () => {
  const feed = await live();
  world.emit("offline");
  await world.pass(2_500);
  expect(feed.state).toBe("live");
  world.emit("online");
  await world.pass(1_000);
  server.link!.isDead = true;
  world.emit("offline");
  await world.pass(1_900);
  expect(feed.state).toBe("live");
  await world.pass(200);
  expect(feed.state).toBe("offline");
});

test("the latency is up to date while the page is visible", async () => {
  const feed = await live();
  expect(feed.latency).toBe(10);
  server.delay = 50;
  await world.pass(2_100);
  expect(feed.latency).toBe(100);
  server.delay = 20;
  await world.pass(10_100);
  expect(feed.latency).toBe(40);
  const pings = (): number => server.link!.heard.filter((text) => text === "ping").length;
  expect(pings()).toBe(3);
  world.visible = false;
  await world.pass(19_000);
  expect(pings()).toBe(3);
  world.emit("visible");
  await world.pass(100);
  expect(pings()).toBe(4);
});

test("a position is good for the same keys in another order", async () => {
  const feed = await live({ keys: ["B", "A"] });
  server.publish({ key: "A", set: {} });
  server.isUp = false;
  server.restart(1006);
  await world.pass(10);
  void feed.select({ keys: ["A", "B"], mode: "latest" });
  server.isUp = true;
  await world.pass(5_000);
  expect(server.link?.request.since).toBeDefined();
});

test("the client acknowledges after 256 KiB, a quarter of what lags, and not before", async () => {
  expect(4 * ACK_EVERY).toBe(SERVER_LIMITS.unackedHigh);
  await live();
  const acks = (): string[] => server.link!.heard.filter((text) => text.includes("ack"));
  const pad = "x".repeat(60_000);
  for (let i = 0; i < 4; i++) {
    server.publish({ key: "A", set: { pad, i } });
    await world.pass(1_000);
  }
  expect(acks()).toEqual([]);
  server.publish({ key: "A", set: { pad } });
  await world.pass(1_000);
  expect(acks()).toEqual(['{"type":"ack","seq":5}']);
});

test("a feed that was refused connects again when the user reconnects", async () => {
  server.isUp = false;
  world.answer = () => new Response('{"detail":"Not for you."}', { status: 403 });
  const feed = open({ keys: ["A", "tech.*"], hz: 4, token: "s3cret" });
  await world.pass(50_000);
  expect(feed.status).toMatchObject({ state: "closed", reason: "Not for you. (403)", code: 403 });
  expect(world.asked.map(String)).toEqual(["http://feeds.test/v1/feeds/stocks?keys=A%2Ctech.*&hz=4"]);
  server.isUp = true;
  feed.reconnect();
  await world.pass(1_000);
  expect(feed.state).toBe("live");
});

const blocked = (): Response => {
  throw new TypeError("Failed to fetch");
};

describe("why there is no connection is told, and attempts go on", () => {
  test.each([
    [
      "the origin is not allowed",
      (url: URL) => (url.pathname === "/healthz" ? new Response("{}") : blocked()),
      { reason: "Pages of this origin may not subscribe here: see ALLOWED_ORIGINS (403)", code: 403 },
    ],
    ["there is no server", blocked, { reason: "no server answers at feeds.test (1006)", code: 1006 }],
    [
      "something on the way fails",
      () => new Response('{"detail":"Bad gateway."}', { status: 502 }),
      { reason: "Bad gateway. (502)", code: 502 },
    ],
  ])("if %s", async (_, answer, why) => {
    server.isUp = false;
    world.answer = answer;
    const feed = open();
    await world.pass(3_000);
    expect(feed.status).toMatchObject({ state: "connecting", ...why });
    // One probe for several attempts.
    expect(server.openings.length).toBeGreaterThan(1);
    expect(world.asked.filter(({ pathname }) => pathname !== "/healthz")).toHaveLength(1);
    server.isUp = true;
    await world.pass(10_000);
    expect(feed.status).toMatchObject({ state: "live", reason: "connected", code: undefined });
    server.link?.end(1006);
    await world.pass(10);
    expect(feed.status.reason).toBe("the connection was lost (1006)");
  });

  test.each([
    [404, "This feed is not served here."],
    [401, "The credential is not valid."],
  ])("if the server says %i, which another attempt would not change, they end", async (status, detail) => {
    server.isUp = false;
    world.answer = () => new Response(JSON.stringify({ detail }), { status });
    const feed = open();
    await world.pass(10_000);
    expect(feed.status).toMatchObject({ state: "closed", reason: `${detail} (${status})`, code: status });
  });
});
