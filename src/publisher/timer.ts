/**
 * Runs `work` with a signal of its own. Rejects when `signal` aborts or after `ms`, even if the work ignores its signal.
 * Not with `AbortSignal.any`: `signal` lives as long as the publisher, and would keep every signal made from it.
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let fail: ((reason: unknown) => void) | undefined;
  const late = new Promise<never>((_, reject) => (fail = reject));
  const end = (): void => {
    const reason = signal.aborted ? signal.reason : new Error(`no answer within ${ms} ms`);
    controller.abort(reason);
    fail?.(reason);
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

/** The longest that a timer of the runtime can be (milliseconds). */
const MAX_TIMER = 2_147_483_647;

/** One timer: set again, it replaces what it was set to. */
export class Timer {
  #id: ReturnType<typeof setTimeout> | undefined;

  get isSet(): boolean {
    return this.#id !== undefined;
  }

  set(ms: number, callback: () => void): void {
    this.clear();
    this.#id = setTimeout(
      () => {
        this.#id = undefined;
        callback();
      },
      Math.min(ms, MAX_TIMER),
    );
  }

  clear(): void {
    if (this.#id !== undefined) clearTimeout(this.#id);
    this.#id = undefined;
  }
}
