import { expect, test } from "vitest";
import { Connections } from "../../../src/durable/sockets/connections.ts";
import { quotasOf } from "../../../src/limits/quotas.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";

test("[I7] of very many credentials that expire at once, each alarm closes some, and asks for the next", () => {
  const wanted: number[] = [];
  const connections = new Connections(
    () => [],
    quotasOf({}),
    (at) => void wanted.push(at),
  );
  let closed = 0;
  const socket = {
    readyState: WebSocket.OPEN,
    serializeAttachment: () => {},
    close: () => void closed++,
  };
  for (let i = 0; i < 70; i++) {
    connections.add({ ...socket } as unknown as WebSocket, {
      subscription: { selection: EVERYTHING, mode: "latest", hz: undefined },
      publishes: false,
      expires: i < 60 ? 1_000 : 9_000,
      format: "json",
      caller: { clientIp: undefined, kind: "token", credential: "c" },
      position: { epoch: "e", seq: 0 },
    });
  }
  const asked = [1, 2, 3, 4].map(() => {
    wanted.length = 0;
    connections.closeExpired(2_000, 25);
    return [closed, Math.min(...wanted)];
  });
  expect(asked).toEqual([
    [25, 1_000],
    [50, 1_000],
    [60, 9_000],
    [60, 9_000],
  ]);
});
