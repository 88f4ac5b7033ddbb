import PartySocket from "partysocket/ws";
import ReconnectingWebSocket from "reconnecting-websocket";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket as WsWebSocket } from "ws";
import { publish, snapshot } from "./support/api.ts";
import { feedAddress } from "./support/subscriber.ts";
import { until } from "./support/until.ts";
import { View } from "../support/view.ts";
import { Server } from "./support/server.ts";

/** What all these clients have in common with a browser's WebSocket. */
interface Client {
  send(text: string): void;
  close(): void;
}
/** Connects a client to a feed. It hands on each frame, and asks `address` where to go each time it connects. */
type Connect = (address: () => string, onFrame: (data: unknown) => void) => Client;

/** Impatient, so that the test need not be patient. */
const RECONNECTING = { WebSocket: WsWebSocket, minReconnectionDelay: 50, maxReconnectionDelay: 200 };

const plain: [name: string, connect: Connect][] = [
  ["ws", (address, onFrame) => listening(new WsWebSocket(address()), onFrame)],
  ["Node's own WebSocket", (address, onFrame) => listening(new WebSocket(address()), onFrame)],
];
const reconnecting: [name: string, connect: Connect][] = [
  ["partysocket", (address, onFrame) => listening(new PartySocket(address, [], RECONNECTING), onFrame)],
  [
    "reconnecting-websocket",
    (address, onFrame) => listening(new ReconnectingWebSocket(address, [], RECONNECTING), onFrame),
  ],
];

interface Listening {
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
}
function listening<T extends Listening>(client: T, onFrame: (data: unknown) => void): T {
  client.addEventListener("message", ({ data }) => onFrame(data));
  return client;
}

let server: Server;
const clients: Client[] = [];

beforeAll(async () => {
  server = await Server.start();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.dispose();
});

/** A client of a feed, the view that it keeps, and every frame as it came. */
function join(connect: Connect, url: string): { client: Client; view: View; frames: unknown[] } {
  const view = new View();
  const frames: unknown[] = [];
  const client = connect(
    () => feedAddress(url, view),
    (data) => {
      frames.push(data);
      view.receive(data);
    },
  );
  clients.push(client);
  return { client, view, frames };
}

describe.each([...plain, ...reconnecting])("%s", (name, connect) => {
  const feed = name.toLowerCase().replaceAll(/[^a-z]+/g, "-");

  test("gets hello, a snapshot, and then each update", async () => {
    const url = `${server.url}/v1/feeds/${feed}`;
    await publish(url, { key: "A", set: { n: 1 } });
    const { view } = join(connect, url);
    await until(() => view.position?.seq === 1, "the snapshot");
    await publish(url, { key: "A", patch: { m: 2 } });
    await until(() => view.position?.seq === 2, "the first update");
    await publish(url, [
      { key: "B", set: { n: 3 } },
      { key: "A", delete: true },
    ]);
    await until(() => view.position?.seq === 4, "the second update");
    expect(view.types).toEqual(["hello", "snapshot", "update", "update"]);
    expect(view.state()).toEqual({ B: { n: 3 } });
    expect(view.faults).toEqual([]);
  });

  test("gets pong for ping", async () => {
    const { client, frames } = join(connect, `${server.url}/v1/feeds/${feed}`);
    await until(() => frames.length === 2, "hello and the snapshot");
    client.send("ping");
    await until(() => frames.length === 3, "an answer");
    expect(frames[2]).toBe("pong");
  });
});

describe.each(reconnecting)("%s", (name, connect) => {
  test("comes back by itself after a crash and goes on where it was", async () => {
    const url = `${server.url}/v1/feeds/back-${name}`;
    await publish(url, [
      { key: "A", set: { n: 1 } },
      { key: "B", set: { n: 2 } },
    ]);
    const { view } = join(connect, url);
    await until(() => view.position?.seq === 2, "the snapshot");
    await server.crash();
    const { seq } = await publish(url, [
      { key: "A", patch: { n: 3 } },
      { key: "B", delete: true },
    ]);
    await until(() => view.position?.seq === seq, "what was missed");
    await publish(url, { key: "C", set: { n: 5 } });
    await until(() => view.position?.seq === seq + 1, "what came after");
    // One snapshot, the first: what was missed came as updates.
    expect(view.reasons).toEqual(["initial"]);
    expect(view.types.filter((type) => type === "hello")).toHaveLength(2);
    expect(view.faults).toEqual([]);
    expect(view.state()).toEqual((await snapshot(url)).entries);
  });
});
