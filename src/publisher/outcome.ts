import type { Receipt } from "./types.ts";

/** A promise that knows whether anyone has taken it. `await` takes it a moment later. */
class WatchedPromise extends Promise<Receipt> {
  isTaken = false;

  /** What is derived from it is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
  override then<A = Receipt, B = never>(
    done?: ((receipt: Receipt) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isTaken = true;
    return super.then(done, failed);
  }
}

/** What becomes of one call of `publish` or `send`. */
export class Outcome {
  resolve: (receipt: Receipt) => void = ignore;
  reject: (error: Error) => void = ignore;
  readonly #promise = new WatchedPromise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
  /** Resolves with the receipt or the failure; never rejects. So a failure that nobody takes is no unhandled rejection. */
  readonly done: Promise<unknown> = Promise.prototype.then.call(this.#promise, undefined, ignore);

  /** For the caller. */
  get promise(): Promise<Receipt> {
    return this.#promise;
  }

  /** Whether anyone has taken the promise. */
  get isAwaited(): boolean {
    return this.#promise.isTaken;
  }
}

function ignore(): void {}
