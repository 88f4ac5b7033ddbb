import { expect, test } from "vitest";
import { FollowingFeed } from "../../../src/durable/replica/following-feed.ts";
import { RemoteLog } from "../../../src/durable/replica/remote-log.ts";
import { DEFAULT_POLICY } from "../../../src/durable/serving/policy.ts";
import { Connections } from "../../../src/durable/sockets/connections.ts";
import { Budget } from "../../../src/feed/fanout/budget.ts";
import { Feed } from "../../../src/feed/state/feed.ts";
import { quotasOf } from "../../../src/limits/quotas.ts";
import { FEED_LIMITS } from "../../../src/protocol/limits.ts";
import { EVERYTHING } from "../../../src/protocol/selection.ts";

/** A replica's feed, as it was built from a state. */
function built(): FollowingFeed {
  const feed = new Feed({ epoch: "e", seq: 0, time: 0, forgotten: 0 }, FEED_LIMITS);
  const [time, version, expires] = [undefined, undefined, undefined];
  const text = `{"t":"${"x".repeat(1_000)}"}`;
  for (let seq = 1; seq <= 1_000; seq++) feed.restore({ seq, time, version, expires, key: `K${seq}`, text }, true);
  feed.apply([]);
  const log = new RemoteLog(
    feed.seq,
    async () => undefined,
    () => 0,
  );
  return new FollowingFeed(feed, log, DEFAULT_POLICY.flush, () => 0, new Budget());
}

/** A socket that takes so many messages, and what it was closed with. */
function socketFor(messages: number): { socket: WebSocket; sent: string[]; closed: () => number | undefined } {
  const sent: string[] = [];
  let closed: number | undefined;
  const socket = {
    readyState: WebSocket.OPEN,
    get bufferedAmount() {
      return sent.length < messages ? 0 : 300 * 1024;
    },
    serializeAttachment: () => {},
    send: (frame: string) => void sent.push(frame),
    close: (code: number) => void (closed = code),
  };
  return { socket: socket as unknown as WebSocket, sent, closed: () => closed };
}

test("[REP4] one that has only a part of a snapshot when another state is taken is closed with 1012, the others go on", () => {
  const connections = new Connections(
    () => [],
    quotasOf({}),
    () => {},
  );
  const served = built();
  const all = [1, Infinity].map((messages) => {
    const { socket, sent, closed } = socketFor(messages);
    const connection = connections.add(socket, {
      subscription: { selection: EVERYTHING, mode: "latest", hz: undefined },
      publishes: false,
      expires: undefined,
      format: "json",
      caller: { clientIp: undefined, kind: "anonymous", credential: undefined },
      position: { epoch: "e", seq: 0 },
    });
    connection.subscribe(served, undefined);
    return { connection, sent, closed };
  });
  for (let now = 0; now < 10_000; now += 100) served.flush(now);
  const [amid, through] = all as [(typeof all)[number], (typeof all)[number]];
  expect([amid.sent.length, through.sent.length > 1]).toEqual([1, true]);
  const before = through.sent.length;

  served.end();
  const next = built();
  for (const { connection } of all) connection.takeOver(next);
  for (let now = 0; now < 10_000; now += 100) next.flush(now);
  next.end();
  expect([amid.closed(), amid.sent.length]).toEqual([1012, 1]);
  expect([through.closed(), through.sent.length]).toEqual([undefined, before]);
});
