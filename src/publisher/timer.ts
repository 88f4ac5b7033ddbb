/** Resolves after `ms`, or when the signal aborts; never rejects. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const never = new Promise<never>(() => {});
  await within(ms, signal, () => never).catch(() => {});
}

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
  const late = Promise.withResolvers<never>();
  const end = (): void => {
    const reason = signal.aborted ? signal.reason : new Error(`no answer within ${ms} ms`);
    controller.abort(reason);
    late.reject(reason);
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    return await Promise.race([work(controller.signal), late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
