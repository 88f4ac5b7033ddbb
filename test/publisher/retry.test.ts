import { afterEach, describe, expect, test, vi } from "vitest";
import { PublishRefusedError, PublishUnknownError } from "../../src/publisher/index.ts";
import type { Fate } from "./publish-endpoint.ts";
import { count, often, outcome, overloaded, setUp, START, tick, token } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

const MINUTE = 60_000;

describe("while the server is away", () => {
  test("a batch is sent again with the same Idempotency-Key and body, until it is acknowledged", async () => {
    const fates: Fate[] = ["lost", overloaded, { status: 429 }, { status: 408 }, { status: 425 }, { status: 502 }];
    const { publisher, server, statuses } = setUp([...fates, "hang", "receipt hangs", "receipt lost"]);
    expect(await outcome(publisher.publish(count(3)))).toMatchObject({ value: { accepted: 3 } });
    expect(server.seen).toHaveLength(10);
    expect(new Set(server.seen.map(({ key, body }) => `${key} ${body}`)).size).toBe(1);
    expect(server.applied).toEqual(count(3));
    expect(statuses.map((status) => (status.state === "away" ? status.reason : status.state))).toEqual([
      "connect ECONNRESET",
      "503 overloaded Come back later.",
      "429",
      "408",
      "425",
      "502",
      "no answer within 10000 ms",
      "no answer within 10000 ms",
      "connect ECONNRESET",
      "delivering",
    ]);
  });

  test("its status says since when, and when the next attempt begins", async () => {
    const { publisher, server, statuses } = setUp(["lost", "lost"]);
    await outcome(publisher.publish(count(1)));
    const aways = statuses.flatMap((status) => (status.state === "away" ? [status] : []));
    expect(aways.map(({ since }) => since)).toEqual([START, START]);
    expect(server.seen.slice(1).map(({ at }) => at)).toEqual(aways.map(({ retryAt }) => Math.floor(retryAt)));
  });

  test("an answer that is not a receipt is none", async () => {
    const { publisher, server } = setUp([{ status: 200, body: "<html>Sign in to this network</html>" }]);
    await outcome(publisher.publish(count(1)));
    expect(server.seen).toHaveLength(2);
  });

  test("waits grow, each drawn at random up to a ceiling, so that publishers don't come back all at once", async () => {
    const { publisher, server } = setUp(often(60, overloaded));
    await outcome(publisher.publish(count(1)));
    const waits = server.seen.map(({ at }, index) => at - (server.seen[index - 1]?.at ?? at)).slice(1);
    expect(waits).toHaveLength(60);
    for (const [index, ms] of waits.entries()) expect(ms).toBeLessThanOrEqual(Math.min(10_000, 200 * 2 ** index));
    expect(Math.max(...waits)).toBeGreaterThan(7_000);
    expect(Math.min(...waits.slice(10))).toBeLessThan(3_000);
  });

  test.for([
    ["seconds", "7", 7_000],
    ["a date", new Date(START + 30_000).toUTCString(), 30_000],
    ["an hour, cut to five minutes", "3600", 5 * MINUTE],
    ["a date in the past: not at all", new Date(START - MINUTE).toUTCString(), 0],
    ["no sense: not at all", "soon", 0],
    ["less than nothing: not at all", "-5", 0],
  ] as const)("Retry-After is waited for: %s", async ([, header, ms]) => {
    const { publisher, server } = setUp([{ status: 429, headers: { "retry-after": header } }]);
    await outcome(publisher.publish(count(1)));
    const waited = (server.seen[1]?.at ?? 0) - START;
    expect(waited).toBeGreaterThanOrEqual(ms);
    expect(waited).toBeLessThanOrEqual(ms + 200);
  });

  test("without end, if it is known that nothing was applied", async () => {
    const { publisher, server } = setUp([...often(300, overloaded), ...often(300, "refused connection" as const)]);
    expect(await outcome(publisher.publish(count(1)))).toMatchObject({ value: { seq: 1 } });
    expect((server.seen.at(-1)?.at ?? 0) - START).toBeGreaterThan(20 * MINUTE);
  });

  test("giveUpAfter ends it, and what comes after has its own time", async () => {
    const { publisher, server } = setUp(often(30, overloaded), { giveUpAfter: 20_000, batchUpdates: 1 });
    const first = publisher.publish(tick("A", 1));
    const second = publisher.publish(tick("B", 1));
    await outcome(first);
    await expect(first).rejects.toMatchObject({
      name: "PublishRefusedError",
      message: "503 overloaded Come back later.",
    });
    expect(await outcome(second)).toBeDefined();
    const times = server.seen.filter(({ body }) => body.includes('"A"')).map(({ at }) => at);
    expect((times.at(-1) ?? 0) - START).toBe(20_000);
  });

  test("giving up does not mean that the server is back", async () => {
    const { publisher, statuses } = setUp(often(30, overloaded), { giveUpAfter: 20_000 });
    await outcome(publisher.flush().then(() => publisher.publish(tick("A", 1))));
    expect(publisher.status.state).toBe("away");
    expect(statuses.every(({ state }) => state === "away")).toBe(true);
  });
});

describe("an outage longer than the feed remembers a publish", () => {
  test("what may have been applied is not sent again: its outcome is unknown, and the next goes on", async () => {
    const { publisher, server } = setUp(["receipt lost", ...often(400, "hang" as const)], {
      batchUpdates: 1,
    });
    const first = publisher.publish(tick("A", 1));
    await vi.advanceTimersByTimeAsync(0);
    void publisher.publish(tick("B", 1));
    await vi.advanceTimersByTimeAsync(8 * MINUTE + 15_000);
    await expect(first).rejects.toBeInstanceOf(PublishUnknownError);
    const attempts = server.seen.filter(({ body }) => body.includes('"A"'));
    const last = (attempts.at(-1)?.at ?? 0) - START;
    expect(last).toBeLessThanOrEqual(8 * MINUTE);
    expect(last).toBeGreaterThan(7.5 * MINUTE);
    expect(server.seen.at(-1)?.body).toContain('"B"');
  });

  test("if the server is back in time, it is applied once", async () => {
    const { publisher, server } = setUp([
      "receipt lost",
      { status: 503, headers: { "retry-after": "300" } },
      overloaded,
      { status: 503, headers: { "retry-after": "300" } },
    ]);
    expect(await outcome(publisher.publish(count(2)))).toMatchObject({ value: { seq: 2 } });
    expect(server.applied).toEqual(count(2));
    expect((server.seen.at(-1)?.at ?? 0) - START).toBeLessThanOrEqual(8 * MINUTE);
  });

  test("nor if a clock was set back in between, or the key took long", async () => {
    let asked = 0;
    const key = async (): Promise<string> => {
      if (++asked === 2) await new Promise((resolve) => setTimeout(resolve, 9 * MINUTE));
      return "key";
    };
    for (const options of [{}, { key, timeout: 15 * MINUTE }]) {
      const { publisher, server } = setUp(["receipt lost", ...often(400, "lost" as const)], options);
      const unknown = publisher.publish(tick("A", 1));
      await vi.advanceTimersByTimeAsync(60_000);
      if (!("key" in options)) vi.setSystemTime(Date.now() - 60 * MINUTE);
      const before = server.seen.length;
      await vi.advanceTimersByTimeAsync(9 * MINUTE);
      await expect(unknown).rejects.toBeInstanceOf(PublishUnknownError);
      const sent = server.seen.length;
      await vi.advanceTimersByTimeAsync(MINUTE);
      expect(server.seen).toHaveLength(sent);
      if ("key" in options) expect(sent).toBe(before);
      vi.useRealTimers();
    }
  });
});

describe("[I1] what is unknown is never called undone", () => {
  test.for([401, 403, 404, 409, 413, 422])("a %i that follows a lost answer says nothing about it", async (status) => {
    const { publisher, server } = setUp(["receipt lost", { status, body: { code: "whatever" } }]);
    const calls = [publisher.publish(count(1)), publisher.publish(tick("B", 1))];
    for (const call of calls) expect(await outcome(call)).toEqual({ error: expect.any(PublishUnknownError) });
    // Not sent in parts or under another key: the first request may have been applied, or may yet arrive.
    expect(server.seen).toHaveLength(2);
    expect(new Set(server.seen.map(({ key, body }) => key + body)).size).toBe(1);
  });

  test("after a server error the outcome is unknown, except for the codes that say: not now", async () => {
    for (const [status, code, error] of [
      [502, "outcome_unknown", PublishUnknownError],
      [503, "unavailable", PublishUnknownError],
      [500, "internal", PublishUnknownError],
      [503, "overloaded", PublishRefusedError],
      [429, "rate_limited", PublishRefusedError],
    ] as const) {
      const { publisher } = setUp([
        { status, body: { code } },
        { status: 409, body: { code: "feed_full" } },
      ]);
      expect(await outcome(publisher.publish(count(1))), code).toEqual({ error: expect.any(error) });
    }
  });

  test.each([
    ["of the same subject", ["a", "b"].map((jti) => ({ sub: "a", jti })), true],
    ["of another subject", [{ sub: "a" }, { sub: "b" }], false],
    ["of another issuer", [{ sub: "a" }, { sub: "a", iss: "other" }], false],
    ["of no subject, for it stands for itself", [{ iat: 1 }, { iat: 2 }], false],
    ["that is the same", [{ iat: 1 }, { iat: 1 }], true],
  ])("a token %s", async (_, claims, isRepeated) => {
    let asked = 0;
    const key = (): string => token(claims[asked++] ?? {});
    const { publisher, server } = setUp(["receipt lost"], { key });
    const ended = await outcome(publisher.publish(tick("A", 1)));
    expect(server.seen).toHaveLength(isRepeated ? 2 : 1);
    expect("value" in ended).toBe(isRepeated);
    if (!isRepeated) expect(ended).toEqual({ error: expect.any(PublishUnknownError) });
    expect(server.applied).toEqual([tick("A", 1)]);
  });
});
