/** Ends after `ms`, or early when the signal aborts; never as a failure. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

/**
 * Does some work with a signal, and rejects once this signal aborts or `ms` have passed, whether the work minds or not.
 * By hand: what `AbortSignal.any` makes would stay with a signal that lives as long as the publisher.
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
  try {
    return await Promise.race([work(controller.signal), late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
