import { afterEach, describe, expect, test, vi } from "vitest";
import { PublishRefusedError } from "../../src/publisher/index.ts";
import type { Fate } from "./publish-endpoint.ts";
import { count, outcome, overloaded, setUp, tick } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

const unauthorized: Fate = { status: 401, body: { code: "unauthorized", detail: "The key is unknown." } };

describe("what is refused for good", () => {
  test.for([
    [404, "not_found", "There is nothing here."],
    [409, "feed_full", "The feed holds no more keys."],
    [413, "too_large", "The body is too large."],
  ] as const)("a %i is told at once with what the server says", async ([status, code, detail]) => {
    const { publisher, server } = setUp([{ status, body: { code, detail } }]);
    const refused = publisher.publish(count(2));
    await outcome(refused);
    await expect(refused).rejects.toMatchObject({
      name: "PublishRefusedError",
      status,
      code,
      message: `${status} ${code} ${detail}`,
    });
    expect(server.seen).toHaveLength(1);
    expect(await outcome(publisher.publish(count(1)))).toMatchObject({ value: { seq: 1 } });
  });

  test("a redirect is not followed: it would lose the updates and look like success", async () => {
    const { publisher } = setUp([{ status: 301, headers: { location: "https://feed.test/" } }]);
    expect(await outcome(publisher.publish(count(1)))).toMatchObject({ error: { status: 301 } });
  });

  test("one caller's bad update fails no other call, and its issues count in what that caller published", async () => {
    const { publisher, server } = setUp(["refused connection"]);
    const good = [publisher.publish(count(3)), publisher.publish(tick("B", 1))];
    const bad = publisher.publish([tick("C", 1), tick("bad", 2)]);
    good.push(publisher.publish(tick("D", 1)), publisher.publish(tick("E", 1)));
    await outcome(Promise.all(good));
    await expect(bad).rejects.toMatchObject({
      message: "422 invalid_update No update was accepted. [1] key is bad",
      issues: [{ index: 1, path: "key", message: "is bad" }],
    });
    expect(server.applied).toEqual([...count(3), tick("B", 1), tick("D", 1), tick("E", 1)]);
  });

  test("a refused key stops it: all that waits and all that comes is rejected for the same reason", async () => {
    const { publisher, server } = setUp([unauthorized], { batchUpdates: 1 });
    const calls = [1, 2, 3].map((n) => publisher.publish(tick("A", n)));
    for (const call of calls)
      expect(await outcome(call)).toMatchObject({ error: { status: 401, code: "unauthorized" } });
    expect(publisher.status).toEqual({ state: "closed", reason: "401 unauthorized The key is unknown." });
    await expect(publisher.publish(tick("A", 4))).rejects.toBeInstanceOf(PublishRefusedError);
    await expect(publisher.ready()).rejects.toBeInstanceOf(PublishRefusedError);
    expect(server.seen).toHaveLength(1);
    expect(await outcome(publisher.close())).toMatchObject({ error: { status: 401 } });
  });

  test("a refused key stops the other half of a split batch too", async () => {
    const { publisher, server } = setUp([{ status: 422 }, unauthorized]);
    const calls = [1, 2, 3].map((n) => publisher.publish(tick("A", n)));
    await outcome(publisher.close());
    for (const call of calls) await expect(call).rejects.toMatchObject({ status: 401 });
    expect(server.seen).toHaveLength(2);
    expect(publisher.status.state).toBe("closed");
  });
});

describe("a key that is a function", () => {
  test("is asked before each POST, and once more when it is refused", async () => {
    let asked = 0;
    const { publisher, server } = setUp(["accept", unauthorized, "accept"], { key: async () => `token-${++asked}` });
    await outcome(publisher.publish(tick("A", 1)));
    expect(await outcome(publisher.publish(tick("A", 2)))).toMatchObject({ value: { seq: 2 } });
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-2",
      "Bearer token-3",
    ]);
    expect(server.seen[1]?.key).toBe(server.seen[2]?.key);
  });

  test("refused later in the same outage, it is asked again", async () => {
    const { publisher, server } = setUp([unauthorized, overloaded, unauthorized, "accept"], { key: () => "token" });
    expect(await outcome(publisher.publish(tick("A", 1)))).toMatchObject({ value: { seq: 1 } });
    expect(server.seen).toHaveLength(4);
  });

  test("refused again, the calls concerned are rejected and it goes on", async () => {
    const { publisher, server } = setUp([unauthorized, unauthorized], { key: () => "token" });
    expect(await outcome(publisher.publish(tick("A", 1)))).toMatchObject({ error: { status: 401 } });
    expect(await outcome(publisher.publish(tick("A", 2)))).toMatchObject({ value: { seq: 1 } });
    expect(server.seen).toHaveLength(3);
  });

  test("if it throws or gives no answer, it is asked again after a while", async () => {
    let asked = 0;
    const key = () => {
      asked++;
      if (asked === 1) throw new Error("the vault is locked");
      return asked === 2 ? new Promise<string>(() => {}) : "token";
    };
    const { publisher, server, statuses } = setUp([], { key });
    await outcome(publisher.publish(tick("A", 1)));
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(["Bearer token"]);
    expect(statuses[0]).toMatchObject({ state: "away", reason: "there is no key: the vault is locked" });
    expect(statuses[1]).toMatchObject({ reason: "there is no key: no answer within 10000 ms" });
  });
});
