import { reset } from "cloudflare:test";
import { beforeAll, expect } from "vitest";

/** They test what stores nothing. */
const PURE = /\/test\/(?:protocol|feed)\//;

/** The files of a worker share one workerd: each begins with nothing stored, as if it had one to itself. */
beforeAll(async () => {
  if (!PURE.test(expect.getState().testPath ?? "")) await reset();
});
