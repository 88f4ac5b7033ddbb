import type { Runtime, RuntimeEvent } from "../../../src/client/runtime.ts";

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
  #chance: number;
  /** There may be promises to wait for. */
  #hasPromises = false;

  constructor(seed = 1) {
    this.#chance = seed;
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

  /** From 0 to 1, the same for the same seed (mulberry32). */
  random(): number {
    this.#chance = (this.#chance + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#chance ^ (this.#chance >>> 15), 1 | this.#chance);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
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
