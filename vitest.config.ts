import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

const WORKER_TESTS = "protocol,feed,access,durable,http,specs";

/** The Worker of the tests, as it is deployed for them. */
function worker(): ReturnType<typeof cloudflareTest> {
  return cloudflareTest({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        PUBLISH_KEY: "publish-key,publish-key-next",
        ADMIN_KEY: "admin-key",
        JWT_SECRET: "a shared secret of the tests alone",
        PUBLISH_BURST: "2000",
        MAX_SOCKETS_PER_ADDRESS: "3",
        MESSAGE_BURST: "300",
        PROPERTY_RUNS: process.env["PROPERTY_RUNS"] ?? "",
      },
    },
  });
}

/** Milliseconds; an hour where properties are to be tried for longer. */
const TEST_TIME = process.env["PROPERTY_RUNS"] === undefined ? 30_000 : 3_600_000;

/** They take times, or need the machine to be quick: nothing else may run beside them. */
const ALONE = ["dashboard-load", "security-load", "slow-reader", "soak", "worst"].map(
  (name) => `test/e2e/${name}.test.ts`,
);

const REAL = {
  // What these start takes seconds to be there.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  globalSetup: "./test/e2e/support/built-once.ts",
};

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [worker()],
        test: { name: "workerd", include: [`test/{${WORKER_TESTS}}/**/*.test.ts`], testTimeout: TEST_TIME },
      },
      // Tens of thousands of hostile inputs: apart from what is run again and again while working.
      {
        plugins: [worker()],
        test: { name: "security", include: ["test/security/**/*.test.ts"], testTimeout: TEST_TIME },
      },
      {
        test: {
          name: "node",
          include: ["test/{client,publisher,react,dashboard,demo,house}/**/*.test.ts"],
          testTimeout: TEST_TIME,
        },
      },
      {
        test: {
          ...REAL,
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          exclude: ALONE,
          // Each file starts a workerd of its own, and mostly waits: two cores carry three of them.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...REAL, name: "alone", include: ALONE, fileParallelism: false, sequence: { groupOrder: 2 } } },
    ],
  },
});
