import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connect, type Feed } from "../../src/client/index.ts";
import { msgpack } from "../../src/client/msgpack.ts";
import { post, publish, snapshot } from "./support/api.ts";
import { sharedChromium } from "./support/chromium.ts";
import { isLive, standsAt } from "./support/feeds.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { Server } from "./support/server.ts";
import { until } from "./support/until.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { root } from "./support/workerd.ts";

/** In every third the line is cut, in every third the server is killed; `TICKERTAPE_ROUNDS` makes it more. */
const ROUNDS = Number(process.env["TICKERTAPE_ROUNDS"] ?? 4);

let server: Server;
let proxy: TcpProxy;
const feeds: Feed<JsonObject>[] = [];

beforeAll(async () => {
  server = await Server.start();
  proxy = await TcpProxy.start(Number(new URL(server.url).port));
});
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.close();
});
afterAll(async () => {
  proxy.close();
  await server.dispose();
});

const address = (name: string): string => `${server.url}/v1/feeds/${name}`;

/** What JSON can say, and MessagePack in many ways. As text: an object written here would not have its `__proto__`. */
const VALUES = [
  `{"__proto__":{"polluted":true},"constructor":1,"\\ufeff":"\\ufeffa mark"}`,
  `{"n":[0,-1,127,128,-33,65536,4294967296,-4294967297,9007199254740991,1e300,5e-324,0.1,null,true,false]}`,
  `{"text":"${"é\u{1f600}".repeat(200)}","short":"ä","nested":{"a":[{"b":[[],{}]}]}}`,
  `{"list":[${Array.from({ length: 700 }, (_, i) => i / 4).join()}]}`,
];

/** Publishes all of it, and the number of the round in each. */
async function publishRound(name: string, round: number): Promise<void> {
  const updates = VALUES.map((value, i) => `{"key":"k${i}","set":${value}},{"key":"k${i}","patch":{"round":${round}}}`);
  const more = Array.from({ length: 20 }, (_, i) => `{"key":"__proto__","patch":{"m${i % 7}":{"round":${round + i}}}}`);
  expect((await post(address(name), `[${[...updates, ...more].join()}]`)).status).toBe(200);
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
/** All of a feed's entries as text, which has the members called `__proto__` too. */
const textOf = (feed: Feed<JsonObject>): string => JSON.stringify(Array.from(feed.entries()).toSorted(byKey));

describe("in Node", () => {
  test("a feed that asks for MessagePack gets what one that asks for JSON gets, over cuts and kill -9 too", async () => {
    const name = "packed";
    const kinds = new Map<string, Set<string>>();
    class NotedSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener("message", ({ data }) => {
          // What not every reader of MessagePack could read may come as JSON.
          if (String(data).includes('"__proto__"')) return;
          const kind = typeof data === "string" ? data.slice(0, 10) : "binary";
          kinds.set(this.protocol, (kinds.get(this.protocol) ?? new Set()).add(kind));
        });
      }
    }
    await publishRound(name, 0);
    const packed = connect<JsonObject>(proxy.url, name, { format: msgpack, WebSocket: NotedSocket });
    const plain = connect<JsonObject>(proxy.url, name);
    feeds.push(packed, plain);
    const causes: string[] = [];
    packed.on("change", (_, { cause }) => void causes.push(cause));

    for (let round = 1; round <= ROUNDS; round++) {
      if (round % 3 === 1) proxy.cut();
      if (round % 3 === 2) await server.crash();
      await publishRound(name, round);
      const position = await snapshot(address(name));
      for (const feed of feeds) {
        await standsAt(feed, position);
        await isLive(feed);
      }
      expect(textOf(packed)).toBe(textOf(plain));
      expect(textOf(packed)).toContain('"__proto__":{"polluted":true}');
    }
    expect(packed.counters.connections).toBeGreaterThan(2);
    // Whatever was missed came as updates.
    expect(causes.slice(1).filter((cause) => cause === "snapshot")).toEqual([]);
    await until(() => packed.latency !== undefined, "a pong");
    expect(Object.fromEntries(kinds)).toEqual({ "tickertape.v1.msgpack": new Set(["binary", "pong"]) });

    await packed.select({ keys: ["k1"] });
    await publish(address(name), { key: "k1", patch: { last: 1.5 } });
    await until(() => packed.get("k1")?.["last"] === 1.5, "the update of what is selected");
    expect([...packed.keys()]).toEqual(["k1"]);
  });

  test("a snapshot in many parts is seen whole", async () => {
    const name = "packed-large";
    for (let batch = 0; batch < 8; batch++)
      await publish(
        address(name),
        Array.from({ length: 1_000 }, (_, i) => ({ key: `k${batch * 1_000 + i}`, set: { pad: "é".repeat(100), i } })),
      );
    const feed = connect<JsonObject>(server.url, name, { format: msgpack });
    feeds.push(feed);
    const sizes: number[] = [];
    feed.on("change", (changes) => void sizes.push(changes.length));
    await isLive(feed);
    expect(sizes).toEqual([8_000]);
    expect(Object.fromEntries(feed.entries())).toEqual((await snapshot(address(name))).entries);
  });

  test("a feed whose format the server does not speak goes on over HTTP, with JSON", async () => {
    const name = "unpacked";
    await publishRound(name, 0);
    const feed = connect<JsonObject>(server.url, name, { format: { ...msgpack, protocol: "tickertape.v1.other" } });
    feeds.push(feed);
    await isLive(feed);
    expect(Object.fromEntries(feed.entries())).toEqual((await snapshot(address(name))).entries);
  });
});

describe("in Chromium", () => {
  let page: Page;

  beforeAll(async () => {
    // The page is an answer of the server, which as such may load nothing.
    page = await (await sharedChromium()).newPage({ bypassCSP: true });
    // What a deployment serves beside its feeds.
    await page.route("**/assets/*", async (route) => {
      const { pathname } = new URL(route.request().url());
      await route.fulfill({ contentType: "text/javascript", body: await readFile(join(root, "public", pathname)) });
    });
  });
  afterAll(() => page.close());

  test("the files that a deployment serves speak it together, over cuts and kill -9 too", async () => {
    const name = "packed-page";
    await publishRound(name, 0);
    await page.goto(`${proxy.url}/healthz`);
    await page.evaluate(`(async () => {
      const { connect } = await import("/assets/tickertape.js");
      const { msgpack } = await import("/assets/tickertape.msgpack.js");
      window.seenFrames = new Set();
      class NotedSocket extends WebSocket {
        constructor(...args) {
          super(...args);
          this.addEventListener("message", ({ data }) => {
            if (!String(data).includes('"__proto__"')) seenFrames.add(typeof data === "string" ? data.slice(0, 10) : "binary");
          });
        }
      }
      window.packed = connect(location.origin, "${name}", { format: msgpack, WebSocket: NotedSocket });
      window.plain = connect(location.origin, "${name}");
      window.textOf = (feed) => JSON.stringify(Array.from(feed.entries()).sort());
    })()`);
    for (let round = 1; round <= ROUNDS; round++) {
      if (round % 3 === 1) proxy.cut();
      if (round % 3 === 2) await server.crash();
      await publishRound(name, round);
      const { epoch, seq } = await snapshot(address(name));
      await page.waitForFunction(
        `[packed, plain].every(({ position, state }) => position === "${epoch}:${seq}" && state === "live")`,
        undefined,
        { timeout: 40_000 },
      );
      expect(await page.evaluate("textOf(packed)")).toBe(await page.evaluate("textOf(plain)"));
      expect(await page.evaluate("textOf(packed)")).toContain(`"round":${round}`);
    }
    await page.waitForFunction("packed.latency !== undefined");
    expect(await page.evaluate("[...seenFrames].sort()")).toEqual(["binary", "pong"]);
    expect(await page.evaluate("packed.counters.connections")).toBeGreaterThan(2);
  });
});
