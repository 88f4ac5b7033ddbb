import { bodyOf, encodeCall, updatesOf, type Call, type CallContent } from "./call.ts";
import { PublisherClosedError, PublisherFullError, PublishUnknownError } from "./errors.ts";
import { Queue, type Capacity } from "./queue.ts";
import { sendUntilAnswered, type Destination } from "./sending.ts";
import { StatusNotifier } from "./status.ts";
import type { Publisher, PublisherStatus, Receipt, Update } from "./types.ts";

/** The options, with defaults filled in. */
interface PublisherSettings {
  readonly destination: Omit<Destination, "signal" | "onFailure">;
  readonly capacity: Capacity;
  readonly maxPending: number;
  readonly conflate: boolean;
}

const CLOSED = "The publisher is closed.";
const MAYBE = "It may have been applied: ";

export class FeedPublisher implements Publisher {
  readonly #settings: PublisherSettings;
  readonly #queue: Queue;
  readonly #status = new StatusNotifier();
  readonly #abort = new AbortController();
  /** Calls in the request that is under way, in order, until they are finished. */
  #sending = new Set<Call>();
  #pending = 0;
  /** Sends all that waits; ends when nothing is left. */
  #run: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #rooms: PromiseWithResolvers<void>[] = [];
  /** The first error that neither `flush` nor `close` has thrown. */
  #firstError: Error | undefined;
  /** Why `publish` takes nothing more. */
  #ended: Error | undefined;
  /** The updates without a receipt when `close` was aborted. */
  #undelivered: readonly Update[] = [];
  /** Why nothing more is sent: the server refused the credential. */
  #stopped: Error | undefined;

  constructor(settings: PublisherSettings) {
    this.#settings = settings;
    this.#queue = new Queue(settings.conflate);
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
    const { maxPending } = this.#settings;
    // A batch larger than all that may wait is taken when nothing waits: it could never be published otherwise.
    if (!replaced && this.#pending > 0 && this.#pending + content.count > maxPending) {
      return Promise.reject(new PublisherFullError(`${this.#pending} updates wait; ${maxPending} may.`));
    }
    const receipt = replaced?.receipt ?? Promise.withResolvers<Receipt>();
    const done = replaced?.done ?? receipt.promise.catch(() => {});
    this.#queue.add({ ...content, receipt, done });
    if (!replaced) this.#pending += content.count;
    this.#last = done;
    this.#run ??= this.#sendAll();
    return receipt.promise;
  }

  ready(): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#pending < this.#settings.maxPending) return Promise.resolve();
    const room = Promise.withResolvers<void>();
    this.#rooms.push(room);
    return room.promise;
  }

  async flush(): Promise<void> {
    this.#queue.fence();
    await this.#last;
    const error = this.#firstError;
    this.#firstError = undefined;
    if (error) throw error;
  }

  async close({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly Update[]> {
    this.#ended ??= new PublisherClosedError(CLOSED);
    const abort = (): void => this.#drop();
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    await this.#run;
    signal?.removeEventListener("abort", abort);
    this.#end(this.#ended);
    if (!this.#abort.signal.aborted) await this.flush();
    return this.#undelivered;
  }

  on(_event: "status", listener: (status: PublisherStatus) => void): () => void {
    return this.#status.on(listener);
  }

  async #sendAll(): Promise<void> {
    // A moment later, so that what is published in one go goes out together.
    await Promise.resolve();
    for (;;) {
      const calls = this.#queue.take(this.#settings.capacity);
      if (calls.length === 0) break;
      this.#sending = new Set(calls);
      await this.#send(calls);
    }
    this.#run = undefined;
  }

  /** Sends these calls, and finishes each of them. */
  async #send(calls: readonly Call[]): Promise<void> {
    if (this.#stopped) return this.#fail(calls, this.#stopped);
    const destination: Destination = {
      ...this.#settings.destination,
      signal: this.#abort.signal,
      onFailure: (reason, retryAt) => this.#status.away(reason, retryAt),
    };
    const result = await sendUntilAnswered(bodyOf(calls), destination);
    if (result.type === "aborted") {
      const error = result.sent
        ? new PublishUnknownError(`${MAYBE}closed before the answer.`)
        : (this.#ended ?? new PublisherClosedError(CLOSED));
      this.#fail(calls, error);
      return;
    }
    if (result.type === "accepted") {
      this.#status.delivering();
      for (const call of calls) this.#finish(call, ({ resolve }) => resolve(result.receipt));
      return;
    }
    const { type, refusal, cause } = result;
    if (type === "refused" && cause === "body" && calls.length > 1) {
      // One caller's bad update must not fail the others' calls: each half by itself, until the bad one is alone.
      const middle = calls.length >> 1;
      await this.#send(calls.slice(0, middle));
      await this.#send(calls.slice(middle));
      return;
    }
    this.#fail(
      calls,
      type === "refused" ? refusal : new PublishUnknownError(`${MAYBE}an answer was lost; then: ${refusal.message}`),
    );
    if (cause === "credential" && typeof this.#settings.destination.key !== "function") {
      // Known not to be applied: these were never sent.
      this.#stopped = refusal;
      this.#end(refusal);
    } else if (cause !== "timeUp") this.#status.delivering();
  }

  #fail(calls: readonly Call[], error: Error): void {
    this.#firstError ??= error;
    for (const call of calls) this.#finish(call, ({ reject }) => reject(error));
  }

  #finish(call: Call, how: (receipt: Call["receipt"]) => void): void {
    this.#sending.delete(call);
    this.#pending -= call.count;
    how(call.receipt);
    // Never more waits than may, except for a single large batch: after any call has finished there is room.
    for (const room of this.#rooms.splice(0)) room.resolve();
  }

  /** Gives up all calls without a receipt. */
  #drop(): void {
    if (this.#abort.signal.aborted) return;
    const waiting = this.#queue.takeAll();
    this.#undelivered = updatesOf([...this.#sending, ...waiting]);
    this.#abort.abort();
    this.#fail(waiting, this.#ended ?? new PublisherClosedError(CLOSED));
  }

  /** Takes nothing more. */
  #end(error: Error): void {
    this.#ended = error;
    for (const room of this.#rooms.splice(0)) room.reject(error);
    this.#status.closed(error.message);
  }
}
