import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FeedObject } from "../../src/durable/feed-object.ts";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../src/http/deployment.ts";
import { ADMIN_KEY, bearer, newFeed, publish, PUBLISH_KEY, snapshot } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const bindings: FeedAppBindings = { FEEDS: env.FEEDS, DIRECTORY: env.DIRECTORY, PUBLISH_KEY, ADMIN_KEY };

/** A Worker whose calls to feeds break as `breaks` has it. */
function broken(breaks: (stub: DurableObjectStub<FeedObject>) => object): typeof send {
  const feeds = { getByName: (name: string) => breaks(env.FEEDS.getByName(name)) } as never;
  const app = createFeedApp<FeedAppBindings>((env) => ({ ...deploymentOf(env), feeds }));
  const send = async (method: string, feed: string, key: string): Promise<Response> => {
    const headers = { ...bearer(key), "Content-Type": "application/json" };
    const body = method === "POST" ? '{"key":"A","set":{"p":2}}' : undefined;
    return app.request(`/v1/feeds/${feed}`, { method, headers, ...(body !== undefined && { body }) }, bindings);
  };
  return send;
}

async function never(): Promise<never> {
  throw new Error("Network connection lost.");
}

async function refuse(): Promise<never> {
  throw Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
}

/** As an object that is replaced by a deployment breaks: what it did is done. */
const after = broken((stub) => ({
  acceptBatch: (...request: Parameters<FeedObject["acceptBatch"]>) => stub.acceptBatch(...request).then(never),
  reset: (admin: string) => stub.reset(admin).then(never),
  forget: () => stub.forget().then(never),
  stats: never,
}));
const before = broken(() => ({ acceptBatch: never, reset: never, forget: never, read: never, stats: never }));
const overloaded = broken(() => ({ acceptBatch: refuse, reset: refuse }));

beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => {}));
afterEach(() => void vi.restoreAllMocks());

describe("[OUT1] a call that breaks off", () => {
  test.each([
    ["before it was carried out", before, 1],
    ["after it was", after, 2],
  ])("%s: the publisher is told that it may have been carried out or not", async (_, send, seq) => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    const response = await send("POST", feed, PUBLISH_KEY);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    await problem(response, "outcome_unknown");
    expect(response.status).toBe(502);
    expect((await snapshot(feed)).seq).toBe(seq);
  });

  test.each([
    ["before it was carried out", before],
    ["after it was", after],
  ])("%s: the same for a reset", async (_, send) => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    await problem(await send("DELETE", feed, ADMIN_KEY), "outcome_unknown");
    await problem(await send("DELETE", `${feed}?forget=true`, ADMIN_KEY), "outcome_unknown");
  });

  test("[OUT2] [OUT3] is answered to a reader with 503 and Retry-After", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 } });
    const response = await before("GET", feed, PUBLISH_KEY);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    await problem(response, "overloaded");
  });
});

test("is answered to a publisher on a socket in the same way, and the socket stays open", async () => {
  const feed = newFeed();
  const publisher = await (await TestSubscriber.connect(feed, "", bearer(PUBLISH_KEY))).reaches(0);
  const stub = env.FEEDS.getByName(feed);
  await runInDurableObject(stub, (object) => void Object.assign(object, { listAndAccept: never }));
  for (let id = 1; id <= 21; id++) {
    publisher.send({ type: "publish", id, updates: [{ key: "A", set: {} }] });
    expect(await publisher.message("error", id)).toMatchObject({ code: "outcome_unknown" });
  }
  await runInDurableObject(stub, (object) => void Reflect.deleteProperty(object, "listAndAccept"));
  publisher.send({ type: "publish", id: 22, updates: [{ key: "A", set: {} }] });
  expect(await publisher.message("receipt", 22)).toMatchObject({ seq: 1 });
});

test("[OUT2] a call that the platform has refused was not carried out, and the caller is told to repeat it", async () => {
  for (const [method, key] of [
    ["POST", PUBLISH_KEY],
    ["DELETE", ADMIN_KEY],
  ] as const) {
    const response = await overloaded(method, newFeed(), key);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    await problem(response, "overloaded");
  }
});
