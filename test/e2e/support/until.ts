import { setTimeout as wait } from "node:timers/promises";

/** Waits until `condition` gives something other than nothing or false, and hands that on. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string | (() => string),
  { ms = 20_000, every = 10 }: { ms?: number; every?: number } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = Date.now() + ms;
  for (;;) {
    const result = await condition();
    if (isThere(result)) return result;
    if (Date.now() > deadline) {
      throw new Error(`waited ${ms} ms in vain for ${typeof what === "string" ? what : what()}`);
    }
    await wait(every);
  }
}

function isThere<T>(value: T): value is Exclude<T, undefined | null | false> {
  return value !== undefined && value !== null && value !== false;
}
