import { AsyncLocalStorage } from "node:async_hooks";

interface Event {
  readonly at: number;
  readonly order: number;
  readonly thread: Thread | undefined;
  /** Undefined if it was cancelled. */
  run: (() => void) | undefined;
  /** A thread that is to do what waits for it. */
  readonly wakes?: Thread;
}

/** Events in the order in which they came. */
class Waiting {
  #events: Event[] = [];
  #first = 0;

  get isEmpty(): boolean {
    return this.#first === this.#events.length;
  }

  add(event: Event): void {
    this.#events.push(event);
  }

  take(): Event | undefined {
    const event = this.#events[this.#first];
    if (event) this.#first++;
    if (this.isEmpty || this.#first > 10_000) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
    return event;
  }
}

/** The thread of one simulated object: it does one thing at a time, and what it does takes time. */
export class Thread {
  /** Until when it is busy, in milliseconds of the simulation. */
  busyUntil = 0;
  /** Milliseconds of work in all. */
  worked = 0;
  /** What waits for it, the first first; and whether an event is due that takes from it. */
  readonly waiting = new Waiting();
  isWoken = false;
  /** Called after each event, when it is known how long that takes. */
  afterEvent: (() => void) | undefined;
}

function cancel(event: Event | null | undefined): void {
  if (event) event.run = undefined;
}

/** What the simulated wall clock shows at its beginning. */
const BEGINNING = Date.UTC(2026, 0, 1);

/**
 * The one clock of a simulation: events in the order of their times, and nothing in between. While it runs, `Date.now`,
 * `setTimeout` and `clearTimeout` are its own, so that the code under test waits without waiting.
 */
export class SimulatedTime {
  /** Milliseconds since the simulation began. */
  now = 0;
  events = 0;
  /** A binary heap. */
  readonly #heap: Event[] = [];
  #order = 0;
  /** The thread on which something is done, and what it leads to: a stream may end an event or two later. */
  readonly #thread = new AsyncLocalStorage<Thread | undefined>();

  /** Has something done at a time, on a thread as soon as that is free. */
  at(at: number, thread: Thread | undefined, run: () => void): Event {
    const event = { at: Math.max(at, this.now), order: this.#order++, thread, run };
    this.#push(event);
    return event;
  }

  /** Counts work of the present event's thread. */
  work(milliseconds: number): void {
    const thread = this.#thread.getStore();
    if (!thread) return;
    thread.busyUntil = Math.max(thread.busyUntil, this.now) + milliseconds;
    thread.worked += milliseconds;
  }

  /** Runs all that happens until a time, as fast as it goes. */
  async runUntil(end: number): Promise<void> {
    const restore = this.#takeTimers();
    try {
      for (let event = this.#heap[0]; event && event.at <= end; event = this.#heap[0]) {
        this.#pop();
        this.now = event.at;
        const { run, thread, wakes } = event;
        if (wakes) await this.#doNext(wakes);
        if (!run) continue;
        if (thread && (thread.isWoken || thread.busyUntil > this.now)) {
          thread.waiting.add(event);
          this.#wake(thread);
        } else await this.#do(run, thread);
      }
      this.now = end;
    } finally {
      restore();
    }
  }

  async #do(run: () => void, thread: Thread | undefined): Promise<void> {
    this.events++;
    this.#thread.run(thread, run);
    // Whatever was promised happens before time goes on.
    await new Promise((resolve) => setImmediate(resolve));
    thread?.afterEvent?.();
  }

  async #doNext(thread: Thread): Promise<void> {
    thread.isWoken = false;
    let next = thread.waiting.take();
    while (next && !next.run) next = thread.waiting.take();
    if (next?.run) await this.#do(next.run, thread);
    if (!thread.waiting.isEmpty) this.#wake(thread);
  }

  /** Has a thread do what waits for it, one thing after the other. */
  #wake(thread: Thread): void {
    if (thread.isWoken) return;
    thread.isWoken = true;
    this.#push({
      at: Math.max(this.now, thread.busyUntil),
      order: this.#order++,
      thread: undefined,
      run: undefined,
      wakes: thread,
    });
  }

  #takeTimers(): () => void {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = Date;
    const set = (run: () => void, wait = 0): Event =>
      this.at(this.now + Math.max(0, wait), this.#thread.getStore(), run);
    Object.assign(globalThis, { setTimeout: set, clearTimeout: cancel });
    Date.now = () => BEGINNING + Math.floor(this.now);
    return () => {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      Date.now = now;
    };
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (!above || isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      const isRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!child || isBefore(last, child)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
