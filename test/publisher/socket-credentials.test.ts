import { afterEach, describe, expect, test, vi } from "vitest";
import { PublishUnknownError } from "../../src/publisher/index.ts";
import { outcome, pass, publishEach, SECOND, setUpOpen, setUpSockets, tick, token } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

/** A token that ends in so many seconds. */
const soon = (seconds: number, claims: object = {}) =>
  token({ sub: "alice", exp: Math.round(Date.now() / 1000) + seconds, ...claims });

const ticks = (to: number) => Array.from({ length: to }, (_, n) => tick("A", n + 1));

describe("credentials", () => {
  test("a function is asked for each socket, and its next token is given before the present one ends", async () => {
    const keys: string[] = [];
    const key = () => {
      keys.push(soon(100 * (keys.length + 1)));
      return keys.at(-1);
    };
    const { publisher, sockets } = await setUpOpen({}, { key });
    for (let second = 0; second < 75; second++) {
      void publisher.publish(tick("A", second));
      await pass(SECOND);
    }
    const auths = sockets.last.texts.filter((text) => text.includes('"auth"'));
    expect(auths).toEqual([JSON.stringify({ type: "auth", id: 0, token: keys[1] })]);
    expect([keys.length, sockets.sockets.length]).toEqual([2, 1]);
  });

  test("a token of another principal gets a socket and a session of its own", async () => {
    const subs = ["alice", "bob"];
    const key = () => soon(100, { sub: subs.shift() ?? "bob" });
    const { publisher, sockets, feed } = await setUpOpen({}, { key });
    for (let second = 1; second <= 75; second++) {
      void publisher.publish(tick("A", second));
      await pass(SECOND);
    }
    expect(sockets.sockets).toHaveLength(2);
    expect([...feed.sessions.keys()].map((name) => name.split(" ")[0])).toEqual(["alice", "bob"]);
    expect(feed.applied).toEqual(ticks(75));
  });

  test.each([
    [4401, "unauthorized"],
    [4403, "forbidden"],
  ])("%i ends a publisher with one key", async (close, code) => {
    const { publisher } = await setUpOpen({ messages: ["accept", "accept", { close }] });
    const [done, unknown] = await publishEach(publisher, 1, 2);
    await pass(SECOND);
    expect(await done).toMatchObject({ seq: 1 });
    await expect(unknown).rejects.toBeInstanceOf(PublishUnknownError);
    expect(publisher.status).toMatchObject({ state: "closed", reason: expect.stringContaining(String(close)) });
    await expect(publisher.publish(tick("A", 3))).rejects.toMatchObject({ status: close - 4000, code });
    await pass(0);
    expect(await publisher.close({ signal: AbortSignal.abort() })).toEqual([]);
    expect(publisher.pending).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("4401 makes a function be asked again", async () => {
    const { publisher, feed } = await setUpOpen(
      { messages: ["accept", "accept", { close: 4401 }] },
      { key: () => soon(9) },
    );
    const receipts = await publishEach(publisher, 1, 5);
    await pass(5 * SECOND);
    await Promise.all(receipts);
    expect(feed.applied).toEqual(ticks(5));
  });

  test("one that throws is asked again after a while", async () => {
    let asked = 0;
    const key = () => {
      if (++asked < 3) throw new Error("the vault is locked");
      return "key";
    };
    const { publisher, statuses } = setUpSockets({}, { key, transport: "websocket" });
    expect(await outcome(publisher.publish(tick("A", 1)))).toMatchObject({ value: { seq: 1 } });
    expect(statuses[0]).toMatchObject({ state: "away", reason: "there is no key: the vault is locked" });
  });
});
