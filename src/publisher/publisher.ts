import { encodeCall, isAwaited, updatesOf, type Call, type CallContent } from "./call.ts";
import { Delivery } from "./delivery.ts";
import type { Destination } from "./destination.ts";
import { CLOSED, MAYBE, PublisherClosedError, PublisherFullError, PublishUnknownError } from "./errors.ts";
import { Failures, type Failure } from "./failures.ts";
import { Outcome } from "./outcome.ts";
import { Queue } from "./queue.ts";
import { StatusNotifier } from "./status.ts";
import type { Publisher, PublisherEvents, PublisherStatus, Receipt, Update, WhenFull } from "./types.ts";

/** The options, with defaults filled in. */
interface PublisherSettings {
  readonly destination: Destination;
  readonly maxPending: number;
  readonly whenFull: WhenFull;
  readonly conflate: boolean;
}

/** Who waits for room for so many updates. */
interface Room {
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

type Updates = Update | readonly Update[];

export class FeedPublisher implements Publisher {
  readonly #maxPending: number;
  readonly #whenFull: WhenFull;
  readonly #queue: Queue;
  readonly #delivery: Delivery;
  readonly #status: StatusNotifier;
  readonly #failures = new Failures();
  readonly #rooms = new Set<Room>();
  /** Why `publish` takes nothing more. */
  #ended: Error | undefined;
  /** The updates without a receipt when `close` was aborted. */
  #undelivered: readonly Update[] | undefined;

  constructor({ destination, maxPending, whenFull, conflate }: PublisherSettings) {
    this.#maxPending = maxPending;
    this.#whenFull = whenFull;
    this.#queue = new Queue(conflate);
    this.#status = new StatusNotifier(destination.posts ? "http" : "websocket");
    this.#delivery = new Delivery(destination, {
      isWaiting: () => !this.#queue.isEmpty,
      take: (capacity) => this.#queue.take(capacity),
      accepted: (calls, receipt) => this.#finish(calls, (outcome) => outcome.resolve(receipt)),
      failed: (calls, error) => this.#fail(calls, error),
      delivering: (transport) => this.#status.delivering(transport),
      away: (reason, retryAt) => this.#status.away(reason, retryAt),
      stopped: (error) => {
        // Known not to be applied: these were never sent.
        this.#fail(this.#queue.takeAll(), error);
        this.#end(error);
      },
    });
  }

  get status(): PublisherStatus {
    return this.#status.current;
  }

  get pending(): number {
    return this.#queue.updates + this.#delivery.updates;
  }

  get dropped(): number {
    return this.#failures.dropped;
  }

  // Not async: that would take the promise, and hide whether the caller does.
  publish(updates: Updates): Promise<Receipt> {
    const taken = this.#take(updates);
    if (taken instanceof Outcome) return taken.promise;
    const outcome = new Outcome();
    outcome.reject(taken.error);
    this.#failures.tellUnlessTaken(outcome, taken);
    return outcome.promise;
  }

  send(updates: Updates): void {
    const taken = this.#take(updates);
    if (!(taken instanceof Outcome)) this.#failures.tell(taken);
  }

  ready(count = 1): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (!(count > 0)) return Promise.reject(new RangeError(`count is not above 0: ${count}`));
    if (this.#hasRoom(count)) return Promise.resolve();
    return new Promise((resolve, reject) => this.#rooms.add({ count, resolve, reject }));
  }

  async flush(): Promise<void> {
    this.#queue.fence();
    await this.#allDone();
    const error = this.#failures.takeFirst();
    if (error) throw error;
  }

  async close({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly Update[]> {
    this.#ended ??= new PublisherClosedError(CLOSED);
    const abort = (): void => this.#drop();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    await this.#allDone();
    signal?.removeEventListener("abort", abort);
    this.#end(this.#ended);
    if (!this.#undelivered) await this.flush();
    return this.#undelivered ?? [];
  }

  on<E extends keyof PublisherEvents>(event: E, listener: PublisherEvents[E]): () => void;
  on(...[event, listener]: EventAndListener): () => void {
    return event === "status" ? this.#status.listeners.add(listener) : this.#failures.listeners.add(listener);
  }

  /** Takes the updates if it can, and says what became of that. */
  #take(updates: Updates): Outcome | Failure {
    const given = [updates].flat();
    const refused = (error: Error): Failure => ({ error, count: given.length, updates: () => given });
    if (this.#ended) return refused(this.#ended);
    let content: CallContent;
    try {
      content = encodeCall(updates);
    } catch (error) {
      return refused(error instanceof Error ? error : new Error(String(error)));
    }
    const isFull = !this.#hasRoom(content.count);
    if (isFull && this.#whenFull === "conflate") this.#queue.merge();
    const call = this.#queue.add(content);
    if (isFull && this.#whenFull !== "wait" && !this.#makeRoom(call)) {
      const error = this.#fullError(call);
      // It may stand for others too.
      for (const outcome of call.outcomes) outcome.reject(error);
      return { error, count: call.count, updates: () => updatesOf([call]) };
    }
    this.#delivery.wake();
    return call.outcomes[0] ?? new Outcome();
  }

  /** A batch larger than all that may wait has room when nothing waits: it could never be published otherwise. */
  #hasRoom(count: number): boolean {
    return this.pending === 0 || this.pending + count <= this.#maxPending;
  }

  /** Drops what nobody waits for, the oldest first, until there is room for this call; if that is not enough, the call. */
  #makeRoom(call: Call): boolean {
    while (this.pending > Math.max(this.#maxPending, call.count)) {
      const dropped = this.#queue.oldestUnawaited(call) ?? call;
      this.#queue.remove(dropped);
      if (dropped === call) return false;
      this.#fail([dropped], this.#fullError(dropped));
    }
    return true;
  }

  #fullError({ count }: Call): PublisherFullError {
    return new PublisherFullError(
      `There is no room for ${count} more: ${this.pending} updates wait, and maxPending is ${this.#maxPending}.`,
    );
  }

  async #allDone(): Promise<void> {
    await Promise.all(this.#unfinished().flatMap(({ outcomes }) => outcomes.map(({ done }) => done)));
  }

  /** Calls without a receipt or an error, in order. */
  #unfinished(): readonly Call[] {
    return [...this.#delivery.calls, ...this.#queue.calls];
  }

  #fail(calls: readonly Call[], error: Error): void {
    if (calls.length === 0) return;
    this.#failures.note(error);
    const untold = calls.filter((call) => !isAwaited(call));
    this.#finish(calls, (outcome) => outcome.reject(error));
    const count = untold.reduce((sum, call) => sum + call.count, 0);
    if (count > 0) this.#failures.tell({ error, count, updates: () => updatesOf(untold) });
  }

  #finish(calls: readonly Call[], how: (outcome: Outcome) => void): void {
    for (const outcome of calls.flatMap(({ outcomes }) => outcomes)) how(outcome);
    if (this.#queue.isEmpty) this.#failures.noteRoom();
    for (const room of this.#rooms) {
      if (this.#hasRoom(room.count) && this.#rooms.delete(room)) room.resolve();
    }
  }

  /** Gives up all calls without a receipt. */
  #drop(): void {
    if (this.#undelivered) return;
    this.#undelivered = updatesOf(this.#unfinished());
    const closed = this.#ended ?? new PublisherClosedError(CLOSED);
    const unknown = new PublishUnknownError(`${MAYBE}closed before the answer.`);
    // No events: whoever closed it is told of all of them at once.
    this.#failures.note(closed);
    for (const { calls, isDoubtful } of this.#delivery.end())
      this.#finish(calls, (outcome) => outcome.reject(isDoubtful ? unknown : closed));
    this.#finish(this.#queue.takeAll(), (outcome) => outcome.reject(closed));
  }

  /** Takes nothing more. */
  #end(error: Error): void {
    this.#ended = error;
    this.#delivery.end();
    for (const room of this.#rooms) room.reject(error);
    this.#rooms.clear();
    this.#status.closed(error.message);
  }
}

type EventAndListener = {
  [E in keyof PublisherEvents]: [event: E, listener: PublisherEvents[E]];
}[keyof PublisherEvents];
