import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { evict } from "../durable/evictions.ts";
import { ADMIN_KEY, bearer, newFeed, publish, request, snapshot } from "../support/api.ts";
import { EventReader } from "../support/event-reader.ts";
import { problem } from "../support/http.ts";
import { View } from "../support/view.ts";
import { token } from "../support/tokens.ts";

describe("a stream of events", () => {
  test("[SSE1] is hello, a snapshot and what changes, each with the position after it", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "AAPL", set: { price: 191.2 } });
    const reader = await (await EventReader.open(feed)).reaches(1);
    await publish(feed, { key: "AAPL", patch: { price: 191.3 } });
    await reader.reaches(2);
    expect(reader.events.map(({ event, id }) => [event, id])).toEqual([
      ["hello", ""],
      ["snapshot", `${epoch}:1`],
      ["update", `${epoch}:2`],
    ]);
    expect(reader.view.state()).toEqual({ AAPL: { price: 191.3 } });
    expect(reader.retry).toBeGreaterThan(0);
    await reader.cancel();
  });

  test("is never delayed by a cache or a proxy", async () => {
    const response = await request(`/v1/feeds/${newFeed()}`, { headers: { Accept: "text/event-stream" } });
    expect(response.headers.get("Cache-Control")).toBe("private, no-cache, no-transform");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    await response.body!.cancel();
  });

  test("[SSE3] ends, for its reader to come back later, where the feed's object writes no events, as another version's", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    const reader = await (await EventReader.open(feed)).reaches(1);
    await runInDurableObject(env.FEEDS.getByName(feed), (_, state) => {
      for (const socket of state.getWebSockets()) socket.send('{"type":"update","from":1,"seq":2,"updates":[]}');
    });
    await reader.until(({ ended }) => ended);
    expect(reader.events.map(({ event }) => event)).toEqual(["hello", "snapshot"]);
    expect(reader.retry).toBeGreaterThanOrEqual(10_000);
  });

  test("[SSE2] resumes by Last-Event-ID, which wins over since", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    const reader = await (await EventReader.open(feed)).reaches(1);
    await reader.cancel();
    await publish(feed, { key: "B", set: { p: 2 } });
    await evict(feed);
    const headers = { "Last-Event-ID": reader.lastId };
    const resumed = await EventReader.open(feed, "?since=other:7", headers, reader.view);
    await resumed.reaches(2);
    expect(resumed.events.map(({ event }) => event)).toEqual(["hello", "update"]);
    expect(resumed.view.state()).toEqual((await snapshot(feed)).entries);
    await resumed.cancel();
  });

  test.each(["nonsense", "a:b", "x:99999999999999999999"])(
    "[SSE2] begins with a snapshot where Last-Event-ID is %j",
    async (id) => {
      const feed = newFeed();
      await publish(feed, { key: "A", set: { p: 1 } });
      const reader = await EventReader.open(feed, "", { "Last-Event-ID": id });
      await reader.reaches(1);
      expect(reader.events[1]).toMatchObject({ event: "snapshot" });
      await reader.cancel();
    },
  );

  test("resumes by since where there is no Last-Event-ID", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    const view = new View();
    view.position = { epoch, seq: 1 };
    const reader = await EventReader.open(feed, `?since=${epoch}:1`, {}, view);
    await reader.until(({ events }) => events.length === 2);
    expect(JSON.parse(reader.events[1]!.data)).toMatchObject({ type: "update", from: 1, seq: 1, updates: [] });
    await reader.cancel();
  });

  test("[SSE1] gives no position within a snapshot that comes in parts", async () => {
    const feed = newFeed();
    const text = "x".repeat(60_000);
    for (let i = 0; i < 12; i++) await publish(feed, { key: `k${i}`, set: { text, more: true } });
    const reader = await (await EventReader.open(feed)).reaches(12);
    const parts = reader.events.filter(({ event }) => event === "snapshot");
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.slice(0, -1).every(({ id }) => id === "")).toBe(true);
    expect(parts.at(-1)!.id).toMatch(/:12$/);
    expect(Object.keys(reader.view.state())).toHaveLength(12);
    await reader.cancel();
  });

  test("takes no position from what is in an entry", async () => {
    const feed = newFeed();
    const hostile = { seq: 77, epoch: "evil", text: '"seq":78,"epoch":"evil"', more: true };
    await publish(feed, { key: '"seq":5', set: hostile });
    const reader = await (await EventReader.open(feed)).reaches(1);
    await publish(feed, { key: "a\u2028b", set: { text: "two\nlines\r\n\ndata: x" } });
    await reader.reaches(2);
    const { epoch } = await snapshot(feed);
    expect(reader.events.map(({ id }) => id)).toEqual(["", `${epoch}:1`, `${epoch}:2`]);
    expect(reader.view.state()).toEqual((await snapshot(feed)).entries);
    await reader.cancel();
  });

  test("has the keys, the mode and the rate that the client asks for", async () => {
    const feed = newFeed();
    const reader = await (await EventReader.open(feed, "?keys=A,b.*&mode=all&hz=60")).reaches(0);
    await publish(feed, [
      { key: "A", set: { p: 1 } },
      { key: "c", set: { p: 1 } },
      { key: "A", patch: { p: 2 } },
      { key: "b.1", set: {} },
    ]);
    await reader.reaches(4);
    expect(JSON.parse(reader.events.at(-1)!.data).updates).toEqual([
      { key: "A", set: { p: 1 } },
      { key: "A", patch: { p: 2 } },
      { key: "b.1", set: {} },
    ]);
    await reader.cancel();
  });

  test("leaves nothing behind when its reader goes away", async () => {
    const feed = newFeed();
    const reader = await (await EventReader.open(feed)).reaches(0);
    expect((await env.FEEDS.getByName(feed).stats()).subscribers).toBe(1);
    await reader.cancel();
    await publish(feed, { key: "A", set: {} });
    await vi.waitFor(async () => expect((await env.FEEDS.getByName(feed).stats()).subscribers).toBe(0));
  });

  test("goes on over an eviction of the feed", async () => {
    const feed = newFeed();
    const reader = await (await EventReader.open(feed)).reaches(0);
    for (let i = 1; i <= 3; i++) {
      await evict(feed);
      await publish(feed, { key: "A", set: { i } });
      await reader.reaches(i);
    }
    expect(reader.view.state()).toEqual({ A: { i: 3 } });
    await reader.cancel();
  });

  test("[SSE5] ends with its token, after saying so", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_900_000_000_000 });
    try {
      const feed = newFeed();
      const ending = await token("subscribe:*", { expires: Date.now() + 60_000 });
      const reader = await (await EventReader.open(feed, `?token=${ending}`)).reaches(0);
      vi.setSystemTime(Date.now() + 60_000);
      await runDurableObjectAlarm(env.FEEDS.getByName(feed));
      await reader.until(({ events }) => events.at(-1)?.event === "error");
      expect(JSON.parse(reader.events.at(-1)!.data)).toMatchObject({ type: "error", code: "unauthorized" });
      await reader.until(({ ended }) => ended);
    } finally {
      vi.useRealTimers();
    }
  });

  test("[SSE5] ends after all that came before, for a client that reads late", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const reader = await (await EventReader.open(feed)).reaches(1);
    // So much that it would be acknowledged, on a socket that is closed by then.
    const text = "x".repeat(60_000);
    await publish(
      feed,
      ["A", "B", "C", "D", "E"].map((key) => ({ key, set: { text } })),
    );
    const headers = bearer(ADMIN_KEY);
    await request(`/v1/feeds/${feed}?forget=true`, { method: "DELETE", headers });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await reader.until(({ ended }) => ended);
    expect(reader.events.map(({ event }) => event)).toEqual(["hello", "snapshot", "update", "error"]);
  });

  test("is answered to HEAD with its type and no stream", async () => {
    const feed = newFeed();
    const response = await request(`/v1/feeds/${feed}`, { method: "HEAD", headers: { Accept: "text/event-stream" } });
    expect(response.headers.get("Content-Type")).toMatch(/^text\/event-stream/);
    expect(response.body).toBeNull();
    expect((await env.FEEDS.getByName(feed).stats()).subscribers).toBe(0);
  });

  test.each([
    ["a bad query", "?hz=0", "invalid_query"],
    ["a wrong token", "?token=wrong", "unauthorized"],
  ] as const)("is refused with %s, in JSON", async (_, query, code) => {
    const headers = { Accept: "text/event-stream" };
    await problem(await request(`/v1/feeds/${newFeed()}${query}`, { headers }), code);
  });
});
