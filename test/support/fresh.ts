import { reset } from "cloudflare:test";
import { afterAll, expect } from "vitest";

/** They test what stores nothing. */
const PURE = /\/test\/(?:protocol|feed)\//;

/**
 * The files of a worker share one workerd: each leaves nothing stored, as if it had one to itself. Nor does any object then
 * have an alarm that goes off while the worker ends, and would have it load modules.
 */
afterAll(async () => {
  if (!PURE.test(expect.getState().testPath ?? "")) await reset();
});
