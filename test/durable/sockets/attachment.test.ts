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
