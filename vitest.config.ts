import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [
          cloudflareTest({
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
          }),
        ],
        test: {
          name: "workerd",
          include: ["test/{protocol,feed,access,durable,http,security,specs}/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "node",
          include: ["test/{client,publisher,react,dashboard,demo,house}/**/*.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          // Each file starts a workerd of its own; two cores carry one at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
