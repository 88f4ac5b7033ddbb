import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { evict } from "../durable/evictions.ts";
import { newFeed, publish, request } from "../support/api.ts";

async function subscribers(feed: string): Promise<number> {
  return (await env.FEEDS.getByName(feed).stats()).subscribers;
}

describe("[WAIT1] waiting for a change", () => {
  test("is answered at once if there is one already", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    await publish(feed, { key: "A", patch: { p: 2 } });
    const response = await request(`/v1/feeds/${feed}?since=${epoch}:1&wait=30`);
    expect(await response.json()).toMatchObject({ type: "update", from: 1, seq: 2, updates: [{ key: "A" }] });
  });

  test("is answered as soon as something selected changes, with all changes after since", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    const waiting = request(`/v1/feeds/${feed}?since=${epoch}:1&wait=30&keys=A`);
    await vi.waitFor(async () => expect(await subscribers(feed)).toBe(1));
    await publish(feed, { key: "other", set: {} });
    await evict(feed);
    await publish(feed, { key: "other", set: { p: 2 } });
    expect(await subscribers(feed)).toBe(1);
    await publish(feed, { key: "A", patch: { p: 2 } });
    const response = await waiting;
    expect(response.headers.get("ETag")).toBe(`"${epoch}:4"`);
    expect(await response.json()).toEqual({
      type: "update",
      from: 1,
      seq: 4,
      time: expect.any(Number),
      updates: [{ key: "A", set: { p: 2 } }],
    });
    await vi.waitFor(async () => expect(await subscribers(feed)).toBe(0));
  });

  test("is 204 when the time is up", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    for (const wait of ["0", "0.05"]) {
      const response = await request(`/v1/feeds/${feed}?since=${epoch}:1&wait=${wait}`);
      expect(response.status).toBe(204);
      expect(response.body).toBeNull();
      expect(response.headers.get("ETag")).toBe(`"${epoch}:1"`);
    }
    await vi.waitFor(async () => expect(await subscribers(feed)).toBe(0));
  });

  test("is answered with a snapshot if the feed is reset meanwhile", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    const waiting = request(`/v1/feeds/${feed}?since=${epoch}:1&wait=30`);
    await vi.waitFor(async () => expect(await subscribers(feed)).toBe(1));
    await request(`/v1/feeds/${feed}`, { method: "DELETE", headers: { Authorization: "Bearer admin-key" } });
    expect(await (await waiting).json()).toMatchObject({ type: "snapshot", reason: "epoch_changed", entries: {} });
  });

  test("is answered with a snapshot at once if there is no since", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    expect(await (await request(`/v1/feeds/${feed}?wait=30`)).json()).toMatchObject({ entries: { A: { p: 1 } } });
  });
});
