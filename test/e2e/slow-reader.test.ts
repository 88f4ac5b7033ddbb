import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { publishMegabytes, snapshot, statsOf } from "./support/api.ts";
import { Server } from "./support/server.ts";
import { feedAddress, Subscriber } from "./support/subscriber.ts";
import { until } from "./support/until.ts";
import { View } from "../support/view.ts";

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.dispose());

/** Published altogether: more than the kernel takes for a reader that does not read. */
const MEGABYTES = 20;

describe("[I5] a reader that stops reading", () => {
  test("is waited for, slows no other subscriber, and has everything once it reads again", async () => {
    const url = `${server.url}/v1/feeds/flood`;
    await publishMegabytes(url, 1);
    const quick = new Subscriber(url);
    const view = new View();
    const stalled = new WebSocket(feedAddress(url, view), UNCOMPRESSED);
    stalled.addEventListener("message", ({ data }) => view.receive(data));
    await until(() => view.position, "its snapshot");
    stalled.pause();
    const { seq } = await publishMegabytes(url, MEGABYTES);
    await quick.reaches(seq);
    expect(await statsOf(url)).toMatchObject({ subscribers: 2, lagging: 1 });
    const sent = view.messages.length;

    stalled.resume();
    await until(() => view.position?.seq === seq, "its catching up");
    expect(Object.fromEntries(view.entries)).toEqual((await snapshot(url)).entries);
    expect([...view.faults, ...quick.view.faults]).toEqual([]);
    expect(await statsOf(url)).toMatchObject({ lagging: 0 });
    // What the kernel held for it, and one for the rest: what was merged for it was never sent.
    expect(view.messages.length).toBeLessThan(quick.view.messages.length);
    expect(view.messages.slice(sent).some(({ skipped = 0 }) => skipped > 0)).toBe(true);
    stalled.close();
    quick.close();
  });

  test("and asks for more and more all the same is closed with 4429", async () => {
    const url = `${server.url}/v1/feeds/greedy`;
    await publishMegabytes(url, 1);
    const greedy = new WebSocket(url.replace("http", "ws"), UNCOMPRESSED);
    await until(() => greedy.readyState === WebSocket.OPEN, "the connection");
    greedy.pause();
    for (let i = 0; i < 60; i++) {
      greedy.send(JSON.stringify({ type: "subscribe", keys: ["none"] }));
      greedy.send(JSON.stringify({ type: "subscribe" }));
    }
    await until(async () => (await statsOf(url)).subscribers === 0, "its being let go");
    const closed = new Promise<number>((resolve) => greedy.on("close", resolve));
    greedy.resume();
    expect(await closed).toBe(4429);
  });
});

/** Compressed, what is published here would fit into the kernel's buffers. */
const UNCOMPRESSED = { perMessageDeflate: false };
