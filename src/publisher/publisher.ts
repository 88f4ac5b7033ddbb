import { encodeCall, updatesOf, type Call, type CallContent } from "./call.ts";
import { Delivery } from "./delivery.ts";
import type { Destination } from "./destination.ts";
import { CLOSED, MAYBE, PublisherClosedError, PublisherFullError, PublishUnknownError } from "./errors.ts";
import { Queue } from "./queue.ts";
import { StatusNotifier } from "./status.ts";
import type { Publisher, PublisherStatus, Receipt, Update } from "./types.ts";

/** The options, with defaults filled in. */
interface PublisherSettings {
  readonly destination: Destination;
  readonly maxPending: number;
  readonly conflate: boolean;
}

export class FeedPublisher implements Publisher {
  readonly #maxPending: number;
  readonly #queue: Queue;
  readonly #delivery: Delivery;
  readonly #status: StatusNotifier;
  #pending = 0;
  #rooms: PromiseWithResolvers<void>[] = [];
  /** The first error that neither `flush` nor `close` has thrown. */
  #firstError: Error | undefined;
  /** Why `publish` takes nothing more. */
  #ended: Error | undefined;
  /** The updates without a receipt when `close` was aborted. */
  #undelivered: readonly Update[] | undefined;

  constructor({ destination, maxPending, conflate }: PublisherSettings) {
    this.#maxPending = maxPending;
    this.#queue = new Queue(conflate);
    this.#status = new StatusNotifier(destination.posts ? "http" : "websocket");
    this.#delivery = new Delivery(destination, {
      isWaiting: () => !this.#queue.isEmpty,
      take: (capacity) => this.#queue.take(capacity),
      accepted: (calls, receipt) => this.#finish(calls, ({ resolve }) => resolve(receipt)),
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
    return this.#pending;
  }

  // Not async: the rejection of a bad call has to be unhandled if the caller ignores it.
  publish(updates: Update | readonly Update[]): Promise<Receipt> {
    if (this.#ended) return Promise.reject(this.#ended);
    let content: CallContent;
    try {
      content = encodeCall(updates);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const replaced = this.#queue.replacedBy(content);
    // A batch larger than all that may wait is taken when nothing waits: it could never be published otherwise.
    if (!replaced && this.#pending > 0 && this.#pending + content.count > this.#maxPending) {
      return Promise.reject(
        new PublisherFullError(
          `${content.count} more than the ${this.#pending} that wait would be more than maxPending, ${this.#maxPending}.`,
        ),
      );
    }
    const receipt = replaced?.receipt ?? Promise.withResolvers<Receipt>();
    const done = replaced?.done ?? receipt.promise.catch(() => {});
    this.#queue.add({ ...content, receipt, done });
    if (!replaced) this.#pending += content.count;
    this.#delivery.wake();
    return receipt.promise;
  }

  ready(): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#pending < this.#maxPending) return Promise.resolve();
    const room = Promise.withResolvers<void>();
    this.#rooms.push(room);
    return room.promise;
  }

  async flush(): Promise<void> {
    this.#queue.fence();
    await Promise.all(this.#unfinished().map(({ done }) => done));
    const error = this.#firstError;
    this.#firstError = undefined;
    if (error) throw error;
  }

  async close({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly Update[]> {
    this.#ended ??= new PublisherClosedError(CLOSED);
    const abort = (): void => this.#drop();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    await Promise.all(this.#unfinished().map(({ done }) => done));
    signal?.removeEventListener("abort", abort);
    this.#end(this.#ended);
    if (!this.#undelivered) await this.flush();
    return this.#undelivered ?? [];
  }

  on(_event: "status", listener: (status: PublisherStatus) => void): () => void {
    return this.#status.on(listener);
  }

  /** Calls without a receipt or an error, in order. */
  #unfinished(): readonly Call[] {
    return [...this.#delivery.calls, ...this.#queue.calls];
  }

  #fail(calls: readonly Call[], error: Error): void {
    if (calls.length > 0) this.#firstError ??= error;
    this.#finish(calls, ({ reject }) => reject(error));
  }

  #finish(calls: readonly Call[], how: (receipt: Call["receipt"]) => void): void {
    for (const { count, receipt } of calls) {
      this.#pending -= count;
      how(receipt);
    }
    // Never more waits than may, except for a single large batch: after any call has finished there is room.
    for (const room of this.#rooms.splice(0)) room.resolve();
  }

  /** Gives up all calls without a receipt. */
  #drop(): void {
    if (this.#undelivered) return;
    this.#undelivered = updatesOf(this.#unfinished());
    const closed = this.#ended ?? new PublisherClosedError(CLOSED);
    for (const { calls, isDoubtful } of this.#delivery.end())
      this.#fail(calls, isDoubtful ? new PublishUnknownError(`${MAYBE}closed before the answer.`) : closed);
    this.#fail(this.#queue.takeAll(), closed);
  }

  /** Takes nothing more. */
  #end(error: Error): void {
    this.#ended = error;
    this.#delivery.end();
    for (const room of this.#rooms.splice(0)) room.reject(error);
    this.#status.closed(error.message);
  }
}
