import { expect } from "vitest";
import { connectFeed } from "../../../src/client/feed.ts";
import { shareFeed } from "../../../src/client/share.ts";
import { joinConnection } from "../../../src/client/sharing/shared-feeds.ts";
import type { Runtime, RuntimeEvent } from "../../../src/client/runtime.ts";
import type { Transport } from "../../../src/client/transport.ts";
import type { Feed, FeedOptions } from "../../../src/client/types.ts";
import { seededRandom, type Random } from "../../../src/demo/random.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";

/** A machine whose clock, chance and network the test controls: nothing happens until the test lets time pass. */
export class World {
  now = 1_700_000_000_000;
  online = true;
  visible = true;
  readonly reported: unknown[] = [];
  /** The answer to a plain GET. */
  answer: (url: URL, init: RequestInit) => Response = () => new Response(null, { status: 304 });
  readonly asked: URL[] = [];
  readonly #tasks = new Map<number, { at: number; run: () => void }>();
  readonly #watchers = new Set<(event: RuntimeEvent) => void>();
  #count = 0;
  /** There may be promises to wait for. */
  #hasPromises = false;

  /** From 0 to 1, the same for the same seed. */
  readonly random: Random;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  readonly runtime: Runtime = {
    now: () => this.now,
    setTimer: (ms, callback) => {
      this.timers++;
      const cancel = this.at(this.now + ms, () => {
        this.timers--;
        callback();
      });
      return () => void (cancel() && this.timers--);
    },
    conditions: () => ({ random: this.random(), online: this.online, visible: this.visible }),
    watch: (callback) => {
      this.#watchers.add(callback);
      return () => void this.#watchers.delete(callback);
    },
    fetch: async (url, init) => {
      this.asked.push(url);
      this.#hasPromises = true;
      return this.answer(url, init);
    },
    reportError: (error) => void this.reported.push(error),
  };

  /** Timers of the client that are set. */
  timers = 0;

  get watchers(): number {
    return this.#watchers.size;
  }

  connect(options: FeedOptions<string>, ...transports: readonly [Transport, ...Transport[]]): Feed<JsonObject> {
    return connectFeed("http://feeds.test", "stocks", options, { runtime: this.runtime, transports });
  }

  /** One that shares its connection with all that this makes with the same credential. */
  share(options: FeedOptions<string>, ...transports: readonly [Transport, ...Transport[]]): Feed<JsonObject> {
    this.promises();
    return shareFeed("http://feeds.test", "stocks", options, { runtime: this.runtime, transports }, joinConnection);
  }

  /** The same, once the feed is live. */
  async live(options: FeedOptions<string>, transport: Transport): Promise<Feed<JsonObject>> {
    const feed = this.connect(options, transport);
    await this.pass(100);
    expect(feed.state).toBe("live");
    return feed;
  }

  /** Runs something at a time. The returned function cancels it, and returns false if it has run already. */
  at(at: number, run: () => void): () => boolean {
    const id = this.#count++;
    this.#tasks.set(id, { at, run });
    return () => this.#tasks.delete(id);
  }

  emit(event: RuntimeEvent): void {
    if (event === "visible") this.visible = true;
    else this.online = event === "online";
    for (const watcher of this.#watchers) watcher(event);
  }

  promises(): void {
    this.#hasPromises = true;
  }

  /** Lets time pass, and runs what is due in it, in order. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.flushPromises();
    for (;;) {
      let first: [id: number, task: { at: number; run: () => void }] | undefined;
      for (const entry of this.#tasks) if (first === undefined || entry[1].at < first[1].at) first = entry;
      if (first === undefined || first[1].at > end) break;
      const [id, { at, run }] = first;
      this.#tasks.delete(id);
      // Late if the machine has slept.
      this.now = Math.max(this.now, at);
      run();
      await this.flushPromises();
    }
    this.now = end;
    await this.flushPromises();
  }

  /** Lets promises run. */
  async flushPromises(): Promise<void> {
    if (!this.#hasPromises) return;
    this.#hasPromises = false;
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
