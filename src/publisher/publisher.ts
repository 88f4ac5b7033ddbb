import { bodyOf, makeCall, updatesOf, type Call, type Content } from "./call.ts";
import { deliver, type Link } from "./sending.ts";
import { PublisherClosedError, PublisherFullError, PublishUnknownError } from "./errors.ts";
import { Queue } from "./queue.ts";
import { Status } from "./status.ts";
import type { Publisher, PublisherStatus, Receipt, Update } from "./types.ts";

/** What a publisher keeps to, once defaults are filled in. */
export interface Settings {
  readonly link: Omit<Link, "signal" | "onAway">;
  readonly batchUpdates: number;
  readonly batchBytes: number;
  readonly maxPending: number;
  readonly conflate: boolean;
}

const CLOSED = "The publisher is closed.";
const MAYBE = "It may have been applied: ";

export class FeedPublisher implements Publisher {
  readonly #settings: Settings;
  readonly #queue: Queue;
  readonly #status = new Status();
  readonly #abort = new AbortController();
  /** Calls of the POST that is under way, in order, until they are settled. */
  #sending = new Set<Call>();
  #pending = 0;
  /** The delivery of what is published; ends when nothing is left. */
  #run: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #rooms: PromiseWithResolvers<void>[] = [];
  /** The first error that neither `flush` nor `close` has told. */
  #untold: Error | undefined;
  /** Why nothing more is taken. */
  #ended: Error | undefined;
  /** What had no receipt when it was closed at once. */
  #undelivered: readonly Update[] = [];
  /** Why nothing more is sent: the credential was refused. */
  #stopped: Error | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#queue = new Queue(settings.conflate);
  }

  get status(): PublisherStatus {
    return this.#status.current;
  }

  get pending(): number {
    return this.#pending;
  }

  // Not async: what is wrong with a call has to be an unhandled rejection of its own where nobody looks at it.
  publish(updates: Update | readonly Update[]): Promise<Receipt> {
    if (this.#ended) return Promise.reject(this.#ended);
    let wanted: Content;
    try {
      wanted = makeCall(updates);
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    const replaced = this.#queue.replacedBy(wanted);
    const { maxPending } = this.#settings;
    // One that alone is more than may wait is taken where nothing waits, for it could never be published otherwise.
    if (!replaced && this.#pending > 0 && this.#pending + wanted.count > maxPending) {
      return Promise.reject(new PublisherFullError(`${this.#pending} updates wait; ${maxPending} may.`));
    }
    const receipt = replaced?.receipt ?? Promise.withResolvers<Receipt>();
    const settled = replaced?.settled ?? receipt.promise.catch(() => {});
    this.#queue.add({ ...wanted, receipt, settled });
    if (!replaced) this.#pending += wanted.count;
    this.#last = settled;
    this.#run ??= this.#deliverAll();
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
    const error = this.#untold;
    this.#untold = undefined;
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

  async #deliverAll(): Promise<void> {
    // A moment later, so that what is published in one go goes out together.
    await Promise.resolve();
    const { batchUpdates: updates, batchBytes: bytes } = this.#settings;
    for (;;) {
      const calls = this.#queue.take({ updates, bytes });
      if (calls.length === 0) break;
      this.#sending = new Set(calls);
      await this.#deliver(calls);
    }
    this.#run = undefined;
  }

  /** Settles these calls, whatever it takes. */
  async #deliver(calls: readonly Call[]): Promise<void> {
    if (this.#stopped) return this.#fail(calls, this.#stopped);
    const link: Link = {
      ...this.#settings.link,
      signal: this.#abort.signal,
      onAway: (reason, retryAt) => this.#status.away(reason, retryAt),
    };
    const ending = await deliver(bodyOf(calls), link);
    if (ending.type === "aborted") {
      const error = ending.sent
        ? new PublishUnknownError(`${MAYBE}closed before the answer.`)
        : (this.#ended ?? new PublisherClosedError(CLOSED));
      this.#fail(calls, error);
      return;
    }
    if (ending.type === "accepted") {
      this.#status.delivering();
      for (const call of calls) this.#settle(call, ({ resolve }) => resolve(ending.receipt));
      return;
    }
    const { type, refusal, cause } = ending;
    if (type === "refused" && cause === "body" && calls.length > 1) {
      // One caller's bad update must not sink the others': each half by itself, until the bad one is alone.
      const middle = calls.length >> 1;
      await this.#deliver(calls.slice(0, middle));
      await this.#deliver(calls.slice(middle));
      return;
    }
    this.#fail(
      calls,
      type === "refused" ? refusal : new PublishUnknownError(`${MAYBE}an answer was lost; then: ${refusal.message}`),
    );
    if (cause === "credential" && typeof this.#settings.link.key !== "function") {
      // What was never sent is known not to have been applied.
      this.#stopped = refusal;
      this.#end(refusal);
    } else if (cause !== "away") this.#status.delivering();
  }

  #fail(calls: readonly Call[], error: Error): void {
    this.#untold ??= error;
    for (const call of calls) this.#settle(call, ({ reject }) => reject(error));
  }

  #settle(call: Call, how: (receipt: Call["receipt"]) => void): void {
    this.#sending.delete(call);
    this.#pending -= call.count;
    how(call.receipt);
    // No more than may wait ever do, one large batch by itself aside: with any of it gone there is room.
    for (const room of this.#rooms.splice(0)) room.resolve();
  }

  /** Gives up all that has no receipt. */
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
