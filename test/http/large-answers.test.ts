import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Update } from "../../src/protocol/update.ts";
import { newFeed, publish, request, type SnapshotBody } from "../support/api.ts";
import { EventReader } from "../support/event-reader.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { problem } from "../support/http.ts";

/** Some 4 MiB: sixteen parts. */
const BATCHES = 4;
const KEYS = 500;

const feed = newFeed();
let epoch = "";

function batch(n: number): Update[] {
  const text = "é".repeat(900);
  return Array.from({ length: KEYS }, (_, i): Update => ({ key: `${n}.${i}`, set: { text, i, json: '"},"' } }));
}

beforeAll(async () => {
  for (let n = 0; n < BATCHES; n++) ({ epoch } = await publish(feed, batch(n)));
});

describe("[READ2] [I9] a long response", () => {
  test("is whole and of one moment, though the feed goes on while it is read", async () => {
    const response = await request(`/v1/feeds/${feed}`);
    const seq = BATCHES * KEYS;
    expect(response.headers.get("ETag")).toBe(`"${epoch}:${seq}"`);
    await publish(feed, { key: "later", set: {} });
    const body = await response.json<SnapshotBody>();
    expect(body).toMatchObject({ feed, epoch, seq });
    expect(Object.keys(body.entries)).toHaveLength(seq);
    expect(body.entries["3.499"]).toEqual({ text: "é".repeat(900), i: 499, json: '"},"' });
  });

  test("is a message if there is a since, and has no body for HEAD", async () => {
    const message = await (await request(`/v1/feeds/${feed}?since=another:1`)).json();
    expect(message).toMatchObject({ type: "snapshot", reason: "epoch_changed", epoch });
    const head = await request(`/v1/feeds/${feed}`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("is sent to a limited number of readers at once, and to others when those have it or are gone", async () => {
    const responses = await Promise.all(Array.from({ length: 24 }, () => request(`/v1/feeds/${feed}`)));
    const refused = responses.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]!.headers.get("Retry-After")).not.toBeNull();
    await problem(refused[0]!, "overloaded");
    for (const response of responses) if (response.status === 200) await response.body!.cancel();
    await vi.waitFor(async () => expect((await request(`/v1/feeds/${feed}?keys=0.1`)).status).toBe(200), 5000);
  });

  test("[READ3] [I7] does not stop short responses, or readers with a key, while readers from three IPs take none of theirs", async () => {
    const asked = Array.from({ length: 24 }, (_, i) =>
      request(`/v1/feeds/${feed}`, { headers: { "CF-Connecting-IP": `203.0.113.${i % 3}` } }),
    );
    const long = await Promise.all(asked);
    expect(long.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    const from = { "CF-Connecting-IP": "198.51.100.1" };
    const short = await request(`/v1/feeds/${feed}?keys=0.1`, { headers: from });
    const key = await request(`/v1/feeds/${feed}`, { headers: { ...from, Authorization: "Bearer publish-key" } });
    for (const response of [...long, key]) await response.body?.cancel();
    expect([short.status, key.status]).toEqual([200, 200]);
  });

  test("comes in parts over sockets and streams, whose readers change while it comes", async () => {
    const [socket, stream] = [await TestSubscriber.connect(feed), await EventReader.open(feed)];
    await publish(feed, { key: "0.0", patch: { i: "new" } });
    const { seq } = await env.FEEDS.getByName(feed).stats();
    await socket.reaches(seq);
    await stream.reaches(seq);
    for (const view of [socket.view, stream.view]) {
      expect(Object.keys(view.state()).length).toBeGreaterThan(BATCHES * KEYS);
      expect(view.state()["0.0"]!["i"]).toBe("new");
    }
    socket.close();
    await stream.cancel();
  });
});
