import { reset } from "cloudflare:test";
import { afterAll, expect } from "vitest";

interface ModuleRunner {
  import(path: string): Promise<unknown>;
}

// What vitest and its pool for Workers tell the code that runs the tests.
declare const __vitest_mocker__: { readonly moduleRunner: ModuleRunner };
declare const __vitest_worker__: { readonly providedContext: { readonly cloudflarePoolOptions: string } };

/** They test what stores nothing. */
const PURE = /\/test\/(?:protocol|feed)\//;

importOnce(__vitest_mocker__.moduleRunner, JSON.parse(__vitest_worker__.providedContext.cloudflarePoolOptions).main);

/**
 * With each request and each call of an object, the pool imports the Worker, and vitest's main process is asked every time
 * where its module is: that took half of the time of these tests.
 */
function importOnce(runner: ModuleRunner, worker: string): void {
  // Not the one that the file before has put in its place.
  const original: ModuleRunner = Object.getPrototypeOf(runner);
  let loaded: unknown;
  runner.import = async (path) => {
    if (path !== worker) return original.import.call(runner, path);
    loaded ??= await original.import.call(runner, path);
    return loaded;
  };
}

/**
 * The files of a worker share one workerd: each leaves nothing stored, as if it had one to itself. Nor does any object then
 * have an alarm that goes off while the worker ends, and would have it load modules.
 */
afterAll(async () => {
  if (!PURE.test(expect.getState().testPath ?? "")) await reset();
});
