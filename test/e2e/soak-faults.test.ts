import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { differenceBetween, type ShownFeed, type View } from "../bench/hostile/agreement.ts";
import { HonestReaders } from "../bench/hostile/honest.ts";
import { HOSTILE_ADDRESS, type HostileTarget } from "../bench/hostile/target.ts";
import { AttackRunner } from "../bench/hostile/attack-runner.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

const LONG = 30_000;

/** A clock that goes on where it is waited for: `happens` says what comes by then. */
function steppedClock(happens: (now: number) => void = () => {}) {
  let now = 0;
  const pause = async (milliseconds: number): Promise<void> => {
    now += milliseconds;
    happens(now);
  };
  return { now: () => now, pause };
}

function viewAt(
  seq: number,
  entries: Record<string, JsonObject> = {},
): View & { position: { epoch: string; seq: number } } {
  return { position: { epoch: "e", seq }, entries: new Map(Object.entries(entries)) };
}

/** A feed that stands at one seq after the other, once for each that reads it. */
function feedAt(...seqs: number[]): () => Promise<ShownFeed> {
  return async () => ({ epoch: "e", seq: (seqs.length > 1 ? seqs.shift() : seqs[0]) ?? 0, entries: {} });
}

describe("[I2] a view", () => {
  test("that is ahead of what was read is compared with what is read next", async () => {
    expect(await differenceBetween(viewAt(31_461), feedAt(31_445, 31_461), LONG, steppedClock())).toBeUndefined();
  });

  test("that is behind is waited for, while the feed goes on", async () => {
    const view = viewAt(1);
    const time = steppedClock((now) => void (view.position.seq = Math.min(7, 1 + Math.floor(now / 100))));
    expect(await differenceBetween(view, feedAt(3, 4, 7), LONG, time)).toBeUndefined();
  });

  test("of a feed that cannot be read for a while is compared later", async () => {
    let reads = 0;
    const feed: ShownFeed = { epoch: "e", seq: 2, entries: {} };
    const read = (): Promise<ShownFeed> => (++reads < 3 ? Promise.reject(new Error("503")) : Promise.resolve(feed));
    expect(await differenceBetween(viewAt(2), read, LONG, steppedClock())).toBeUndefined();
  });

  test("that never comes to the feed's position is a fault after 30 s, which says where both are", async () => {
    const time = steppedClock();
    expect(await differenceBetween(viewAt(1), feedAt(2), LONG, time)).toBe("it is at e:1, the feed at e:2");
    expect(time.now()).toBeGreaterThanOrEqual(LONG);
    expect(await differenceBetween(viewAt(3), feedAt(2), LONG, steppedClock())).toBe("it is at e:3, the feed at e:2");
  });

  test("that has other entries at the same position is a fault, which names the keys", async () => {
    const feed: ShownFeed = { epoch: "e", seq: 2, entries: { A: { p: 1 }, B: {}, C: {} } };
    const view = viewAt(2, { A: { p: 2 }, B: {}, D: {} });
    expect(await differenceBetween(view, () => Promise.resolve(feed), LONG, steppedClock())).toBe(
      "at e:2 3 of 4 entries are not the feed's: A, C, D",
    );
  });
});

describe("an uncaught error is found", () => {
  let server: Server;
  let target: HostileTarget;
  /** What attackers and honest ones get. */
  let answers: { status: number; retryAfter?: string }[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const hostile = request.headers["cf-connecting-ip"] === HOSTILE_ADDRESS;
      const { status, retryAfter } = answers[hostile ? 0 : 1] ?? { status: 404 };
      if (retryAfter !== undefined) response.setHeader("Retry-After", retryAfter);
      response.statusCode = status;
      response.end();
    });
    server.on("upgrade", (_, socket) => {
      socket.end(`HTTP/1.1 ${answers[1]?.status ?? 404} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    // A server that listens at a port.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    target = { port: (server.address() as AddressInfo).port, feed: "f" };
  });
  afterAll(() => server.close());

  async function struck(answer: { status: number; retryAfter?: string }): Promise<Readonly<Record<string, number>>> {
    answers = [answer];
    const runner = new AttackRunner("metrics", target);
    try {
      await runner.prepare();
      return (await runner.attempt()).uncaught;
    } finally {
      await runner.end();
    }
  }

  test("in what attackers get: any 500, and a 5xx that does not say when to come back", async () => {
    expect(await struck({ status: 500 })).toEqual({ "GET /metrics answered 500": 1 });
    expect(await struck({ status: 500, retryAfter: "1" })).toEqual({ "GET /metrics answered 500": 1 });
    expect(await struck({ status: 503 })).toEqual({ "GET /metrics answered 503 without Retry-After": 1 });
    expect(await struck({ status: 503, retryAfter: "1" })).toEqual({});
    expect(await struck({ status: 429, retryAfter: "1" })).toEqual({});
  });

  test("in what honest readers get over each transport, who tell how often they lost their connection", async () => {
    answers = [{ status: 404 }, { status: 500 }];
    const readers = await HonestReaders.open(target, [
      { transport: "socket", query: "keys=a" },
      { transport: "poll", query: "keys=b" },
      { transport: "stream", query: "keys=c" },
    ]);
    try {
      await expect
        .poll(async () => Object.keys((await readers.look()).uncaught).toSorted(), { timeout: 20_000 })
        .toEqual(["GET /v1/feeds/f answered 500", "an upgrade answered 500"]);
      await expect
        .poll(async () => Math.min(...Object.values((await readers.look()).lost)), { timeout: 20_000 })
        .toBeGreaterThan(0);
    } finally {
      await readers.close();
    }
  });
});
