import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Receipt } from "../../../src/protocol/server-messages.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { evict } from "../../durable/evictions.ts";
import { ADMIN_KEY, bearer, newFeed, publish, PUBLISH_KEY, request, snapshot } from "../../support/api.ts";
import { TestSubscriber } from "../../support/subscriber.ts";
import { FeedClock } from "./feed-clock.ts";
import { FeedModel } from "./feed-model.ts";
import { SharedCache } from "./shared-cache.ts";
import type { Ending, Interest, Step } from "./steps.ts";
import { ModelClient } from "./model-client.ts";

/** Seconds that what is published with a ttl has at least, and milliseconds after which it has come to its end. */
const TTL = 3_600;
const ALL_TTLS = 2 * TTL * 1000;
/** Milliseconds after which shared caches have forgotten. */
const SHARED_FOR = 1_000;

/** One feed, what is done to it, and clients that follow it. */
export class Journey {
  readonly clients: readonly ModelClient[];
  readonly #feed = newFeed();
  readonly #clock = new FeedClock();
  readonly #model = new FeedModel();
  readonly #caches: readonly SharedCache[];
  readonly #seen: Set<string>;
  #publisher: TestSubscriber | undefined;
  #expiring = 0;
  #publishes = 0;

  constructor(interests: readonly Interest[], seen: Set<string>) {
    this.#seen = seen;
    this.clients = interests.map((interest) => new ModelClient(this.#feed, this.#model, seen, interest));
    this.#caches = [1, 2].map(() => new SharedCache(() => this.#clock.moved));
  }

  /** Does one step, and compares what the clients have received with what was published. */
  async act(step: Step): Promise<void> {
    await this.#act(step);
    for (const client of this.clients) client.judge();
  }

  /** Everyone has, in the end, what the feed has, and that is what was published. */
  async arrive(endings: readonly Ending[]): Promise<void> {
    await env.FEEDS.getByName(this.#feed).stats();
    // A connected client has it without asking.
    for (const client of this.clients) await client.catchUp();
    this.#clock.advance(SHARED_FOR);
    const reading = { plain: false, known: false, unlessSame: false, lost: false };
    for (const [i, client] of this.clients.entries()) {
      const over = endings[i] ?? "read";
      if (over === "read") await client.read(this.#cache(i % 2), reading);
      else await client.open(this.#cache(i % 2), { over });
    }
    await evict(this.#feed);
    const { entries } = await snapshot(this.#feed);
    expect(entries).toEqual(this.#model.entries({ keys: [], fields: [] }));
    for (const client of this.clients) {
      await client.catchUp();
      client.judge();
      expect(client.view.state()).toEqual(this.#model.entries(client.view.selected));
    }
  }

  async end(): Promise<void> {
    try {
      for (const client of this.clients) await client.drop();
      this.#publisher?.close();
      if (this.#caches.some(({ hits }) => hits > 0)) this.#seen.add("read: from a shared cache");
    } finally {
      this.#clock.restore();
    }
  }

  async #act(step: Step): Promise<void> {
    const feed = this.#feed;
    const client = "who" in step ? this.clients[step.who]! : this.clients[0]!;
    switch (step.do) {
      case "publish":
        return this.#publish(step.batches, step.over);
      case "open":
        return client.open(this.#cache(step.cache), step.opening);
      case "read":
        return client.read(this.#cache(step.cache), step.reading);
      case "poll":
        return this.#poll(client, step);
      case "select":
        return client.select(step.selected);
      case "catchUp":
        await env.FEEDS.getByName(feed).stats();
        return client.catchUp();
      case "drop":
        return client.drop();
      case "pass":
        return this.#clock.advance(step.ms);
      case "expire":
        this.#clock.advance(ALL_TTLS);
        this.#model.expire();
        if (step.alarm) await runDurableObjectAlarm(env.FEEDS.getByName(feed));
        return;
      case "evict":
        return evict(feed);
      case "reset": {
        const headers = bearer(ADMIN_KEY);
        const response = await request(`/v1/feeds/${feed}`, { method: "DELETE", headers });
        return this.#model.begin((await response.json<{ epoch: string }>()).epoch);
      }
    }
  }

  /** Asks and waits; meanwhile the feed goes on. */
  async #poll(client: ModelClient, { cache, lost, evicts, updates }: Extract<Step, { do: "poll" }>): Promise<void> {
    const reading = { plain: false, known: false, unlessSame: false, lost };
    const isConcerned = this.#model.concerns(updates, client.view.selected);
    const { at } = client.view;
    const answered = client.read(this.#cache(cache), reading, isConcerned ? "30" : "0.02");
    if (evicts) await evict(this.#feed);
    await this.#publish([updates], "post");
    await answered;
    if (isConcerned && !lost) expect(client.view.at, "a change was waited for").not.toBe(at);
  }

  /** Publishes batches at the same time. */
  async #publish(batches: readonly (readonly Update[])[], over: "post" | "socket"): Promise<void> {
    const stamped = batches.map((updates) => updates.map((update) => this.#stamp(update)));
    const published = stamped.map(async (updates) => {
      const receipt = over === "post" ? publish(this.#feed, updates) : this.#send(updates);
      return { updates, receipt: await receipt };
    });
    this.#model.take(await Promise.all(published));
  }

  async #send(updates: readonly Update[]): Promise<Receipt> {
    const id = ++this.#publishes;
    const headers = bearer(PUBLISH_KEY);
    this.#publisher ??= await TestSubscriber.connect(this.#feed, "?keys=none", headers);
    this.#publisher.send({ type: "publish", id, updates });
    const { epoch, seq, accepted, stale } = await this.#publisher.message("receipt", id);
    return { epoch: epoch!, seq: seq!, accepted: accepted!, stale: stale! };
  }

  /** No two entries end at the same moment: what ends together has an order. */
  #stamp(update: Update): Update {
    return update.ttl === undefined ? update : { ...update, ttl: TTL + ++this.#expiring };
  }

  #cache(which: number): SharedCache {
    return this.#caches[which]!;
  }
}
