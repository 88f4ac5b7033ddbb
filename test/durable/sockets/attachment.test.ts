import { expect, test } from "vitest";
import {
  loadState,
  NO_SEQ,
  saveState,
  type ReadSelections,
  type SocketState,
} from "../../../src/durable/sockets/attachment.ts";
import { subscriptionOf } from "../../feed/recording-subscriber.ts";

test("[I7] a selection that many sockets have is parsed once when their connections are rebuilt", () => {
  const selection = Array.from({ length: 1_000 }, (_, i) => `key${String(i).padStart(4, "0")}`).join(",");
  const attachment = { epoch: "k3v5x2qm4a", seq: 1, selection, mode: "latest" };
  const socket = { deserializeAttachment: () => attachment } as unknown as WebSocket;
  const read: ReadSelections = new Map();
  const states = Array.from({ length: 3 }, () => loadState(socket, read));
  const selections = states.map((state) => state && "subscription" in state && state.subscription?.selection);
  expect(new Set(selections).size).toBe(1);
  expect(selections[0]).toMatchObject({ id: selection });
});

const PLAIN: SocketState = {
  subscription: subscriptionOf(["A", "b.*"]),
  caller: { clientIp: undefined, kind: "anonymous", credential: undefined },
  publishes: false,
  expires: undefined,
  format: "json",
  position: { epoch: "k3v5x2qm4a", seq: 7 },
};

const NAMED: SocketState["caller"] = { ...PLAIN.caller, kind: "token", credential: "token t", subject: "anna" };

test.each<[what: string, state: Partial<SocketState>]>([
  ["nothing but the least", {}],
  ["hz", { subscription: subscriptionOf(["A"], "latest", 0.1) }],
  ["mode", { subscription: subscriptionOf([], "all") }],
  ["the right to publish", { publishes: true }],
  ["when its credential ends", { expires: 1_700_000_000_000 }],
  ["its format", { format: "sse" }],
  [
    "that it only publishes",
    { subscription: undefined, publishes: true, format: "msgpack", position: { epoch: "k3v5x2qm4a", seq: NO_SEQ } },
  ],
  ["who calls", { caller: { clientIp: "192.0.2.1", kind: "token", credential: "token t" } }],
  ["whom a publisher's credential names", { publishes: true, caller: NAMED }],
])("[I7] all of a socket's state outlives a hibernation: %s", (_, part) => {
  const state = { ...PLAIN, ...part };
  let attachment: unknown;
  const socket = {
    serializeAttachment: (saved: unknown) => void (attachment = saved),
    deserializeAttachment: () => attachment,
  } as WebSocket;
  saveState(socket, state);
  expect(loadState(socket, new Map())).toEqual(state);
});

test("a socket that may not publish is saved, with each message, without whom its credential names", () => {
  let attachment: unknown;
  const socket = { serializeAttachment: (saved: unknown) => void (attachment = saved) } as WebSocket;
  saveState(socket, { ...PLAIN, caller: NAMED });
  expect(attachment).toHaveProperty("holder", "token t");
  expect(attachment).not.toHaveProperty("subject");
});

test("the version before does not take a socket that only publishes for a subscriber of everything", () => {
  let attachment: unknown;
  const socket = { serializeAttachment: (saved: unknown) => void (attachment = saved) } as WebSocket;
  saveState(socket, { ...PLAIN, subscription: undefined, publishes: true });
  // It closes sockets whose selection it cannot read.
  expect(attachment).not.toHaveProperty("selection");
});

test("a socket of the version before, which knew MessagePack only as packed, goes on as it was", () => {
  const before = { epoch: "k3v5x2qm4a", seq: 1, selection: "*", mode: "latest", address: "192.0.2.1" };
  expect(read(before)).toMatchObject({ format: "json", caller: { clientIp: "192.0.2.1", kind: "anonymous" } });
  expect(read({ ...before, packed: true })).toMatchObject({ format: "msgpack" });
  expect(read({ ...before, kind: "token", holder: "token t" })).toMatchObject({ caller: { credential: "token t" } });
  expect(read({ ...before, format: "sse" })).toMatchObject({ format: "sse" });
  expect(read({ ...before, format: "another" })).toBeUndefined();
});

function read(attachment: object): ReturnType<typeof loadState> {
  return loadState({ deserializeAttachment: () => attachment } as unknown as WebSocket, new Map());
}
