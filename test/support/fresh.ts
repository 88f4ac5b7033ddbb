import { reset } from "cloudflare:test";
import { beforeAll } from "vitest";

/** The files of a worker share one workerd: each begins with nothing stored, as if it had one to itself. */
beforeAll(() => reset());
