import { availableParallelism } from "node:os";
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const WORKER_TESTS = "protocol,feed,replication,placement,access,limits,durable,http,specs,security";

/** The Worker of the tests, as it is deployed for them. */
function worker(bindings: Record<string, string> = {}, main = "./src/index.ts"): ReturnType<typeof cloudflareTest> {
  return cloudflareTest({
    main,
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        PUBLISH_KEY: "publish-key,publish-key-next",
        ADMIN_KEY: "admin-key",
        JWT_SECRET: "a shared secret of the tests alone",
        PUBLISH_BURST: "400",
        MAX_SOCKETS_PER_ADDRESS: "3",
        MESSAGE_BURST: "150",
        PROPERTY_RUNS: process.env["PROPERTY_RUNS"] ?? "",
        ...bindings,
      },
    },
  });
}

/** Milliseconds; an hour where properties are to be tried for longer. */
const TEST_TIME = process.env["PROPERTY_RUNS"] === undefined ? 90_000 : 3_600_000;

/** One for each core: these tests hardly wait. */
const CORES = availableParallelism();

/** All files of a worker share one workerd, as starting one takes longer than most files do. */
const WORKER = {
  testTimeout: TEST_TIME,
  isolate: false,
  maxWorkers: CORES,
  setupFiles: "./test/support/fresh.ts",
};

/** They measure times, so nothing else may run beside them. */
const ALONE = ["dashboard-load", "large-answers", "security-load", "slow-reader", "soak", "worst"].map(
  (name) => `test/e2e/${name}.test.ts`,
);

const REAL = {
  // A server takes seconds to start.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  globalSetup: "./test/e2e/support/shared-servers.ts",
};

/**
 * The longest files come first, else one of them would run alone at the end: those that mostly wait by turns with those that
 * work.
 */
const LONGEST = [
  "replicas/replicas",
  "hostile-closing",
  "hostile-memory",
  "chat",
  "dashboard-recovery",
  "token",
  "event-source-browser",
  "always-opens",
  "hostile-asleep",
  "dashboard-quality",
  "chat-quality",
  "event-stream",
  "docs-pages",
  "start",
  "compression",
  "conformance",
  "sdk-transports",
  "e2e/replicas",
  "hibernation",
  "dashboard",
  "directory",
  "package",
  "sdk",
  "security-browser",
  "publisher-doubt",
  "security",
  "durability",
  "replicas-apart",
  "sdk-keys",
  "sdk-msgpack",
  "key-server",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const longest = files.filter(isLongest).toSorted((a, b) => placeOf(a) - placeOf(b));
    // oxlint-disable-next-line unicorn/no-array-sort -- not the sort of arrays
    return [...longest, ...(await super.sort(files.filter((file) => !isLongest(file))))];
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  return LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
}

function isLongest(file: TestSpecification): boolean {
  return placeOf(file) >= 0;
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        plugins: [worker()],
        test: { ...WORKER, name: "workerd", include: [`test/{${WORKER_TESTS}}/**/*.test.ts`] },
      },
      {
        plugins: [worker({}, "./test/worker/worker.ts")],
        test: { ...WORKER, name: "declared", include: ["test/{worker,declared}/**/*.test.ts"] },
      },
      // The same properties where each feed soon has three replicas, which are used in turn.
      {
        plugins: [worker({ CLIENTS: "everywhere", REPLICAS: "auto" }, "./test/replicas/worker.ts")],
        test: {
          ...WORKER,
          name: "replicas",
          include: ["test/replicas/**/*.test.ts", "test/http/every-transport.test.ts"],
        },
      },
      {
        test: {
          name: "node",
          include: [
            "test/{cli,client,elements,publisher,react,dashboard,demo,architecture,docs,mutants,simulation}/**/*.test.ts",
          ],
          testTimeout: TEST_TIME,
          // Starting a process takes longer than most files do.
          isolate: false,
          maxWorkers: CORES,
        },
      },
      {
        test: {
          ...REAL,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: ALONE,
          // The files of a process share a browser, and end what else they start.
          isolate: false,
          // They wait more than half of the time: a core carries three of them. The tests of a file that say so wait together.
          maxWorkers: 6,
          maxConcurrency: 20,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...REAL, name: "alone", include: ALONE, fileParallelism: false, sequence: { groupOrder: 2 } } },
    ],
  },
});
