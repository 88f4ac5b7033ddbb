import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { FeedStats } from "../../src/durable/directory/rpc.ts";
import { ReplicaObject } from "../../src/durable/replica/replica-object.ts";
import { ADMIN_KEY, publish, request } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

/** Subscribers of a feed that is published to once, of whom each replica has some. */
export async function spread(feed: string, query = ""): Promise<TestSubscriber[]> {
  await publish(feed, { key: "A", set: { n: 1 } });
  const subscribers: TestSubscriber[] = [];
  do subscribers.push(await (await TestSubscriber.connect(feed, query)).reaches(1));
  while ((await busyReplicas(feed)).length < 3 && subscribers.length < 40);
  return subscribers;
}

export async function busyReplicas(feed: string): Promise<FeedStats["replicas"]> {
  const { replicas } = await env.FEEDS.getByName(feed).stats();
  return replicas.filter(({ subscribers }) => subscribers > 0);
}

export async function remove(feed: string, query = ""): Promise<void> {
  const response = await request(`/v1/feeds/${feed}${query}`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
  });
  expect(response.status).toBe(200);
}

/** Has pushes fail: a replica learns nothing unless it asks. */
export function cutLinks(): void {
  vi.spyOn(ReplicaObject.prototype, "deliver").mockRejectedValue(new Error("the link is cut"));
}
