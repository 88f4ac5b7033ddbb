import { expect, test } from "vitest";
import { loadState, type ReadSelections } from "../../../src/durable/sockets/attachment.ts";

test("[I7] a selection that many sockets have is parsed once when their connections are rebuilt", () => {
  const selection = Array.from({ length: 1_000 }, (_, i) => `key${String(i).padStart(4, "0")}`).join(",");
  const attachment = { epoch: "k3v5x2qm4a", seq: 1, selection, mode: "latest" };
  const socket = { deserializeAttachment: () => attachment } as unknown as WebSocket;
  const read: ReadSelections = new Map();
  const states = Array.from({ length: 3 }, () => loadState(socket, read));
  const selections = states.map((state) => state && "subscription" in state && state.subscription.selection);
  expect(new Set(selections).size).toBe(1);
  expect(selections[0]).toMatchObject({ id: selection });
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
