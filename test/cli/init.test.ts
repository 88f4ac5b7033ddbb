import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { planInit, type FileChange, type Plan } from "../../src/cli/init/plan.ts";
import { parseConfig } from "../../src/cli/init/wrangler-config.ts";
import { configFaults } from "../../src/cli/init/wrangler-faults.ts";

const above = mkdtempSync(join(tmpdir(), "tickertape-init-"));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(above, "my feeds "));
});
afterAll(() => rmSync(above, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** Carries a plan out. */
function done({ files }: Plan): Plan {
  write(Object.fromEntries(files.map(({ name, text }) => [name, text])));
  return planInit(folder, "24.0.0");
}

const names = ({ files }: Plan): string[] => files.map(({ name }) => name).toSorted();
const textOf = ({ files }: Plan, name: string): string =>
  files.find((file: FileChange) => file.name === name)?.text ?? "";

describe("in an empty folder", () => {
  test("a whole project is made: config, Worker, packages and secrets that no repository gets", () => {
    const plan = planInit(folder, "24.0.0");
    expect(names(plan)).toEqual([
      ".dev.vars",
      ".gitignore",
      "package.json",
      "src/index.ts",
      "tsconfig.json",
      "wrangler.toml",
    ]);
    expect(plan).toMatchObject({ main: "src/index.ts", needsLines: false, needsInstall: true, needsAssets: true });
    const config = parseConfig("wrangler.toml", textOf(plan, "wrangler.toml"));
    expect(config).toMatchObject({
      name: expect.stringMatching(/^my-feeds-[a-z0-9-]*[a-z0-9]$/),
      main: "src/index.ts",
    });
    expect(textOf(plan, "src/index.ts")).toContain('from "@tickertape/feed/worker"');
    const manifest = JSON.parse(textOf(plan, "package.json"));
    expect(manifest).toMatchObject({ private: true, scripts: { dev: "wrangler dev", deploy: "wrangler deploy" } });
    expect(Object.keys(manifest.dependencies)).toEqual(["@tickertape/feed", "hono"]);
    expect(manifest.devDependencies).toMatchObject({ wrangler: expect.stringMatching(/^\^4/) });
    const secrets = parseEnv(textOf(plan, ".dev.vars"));
    expect(new Set(Object.values(secrets)).size).toBe(3);
    expect(secrets["JWT_SECRET"]?.length).toBeGreaterThanOrEqual(32);
    expect(plan.files.filter(({ isSecret }) => isSecret).map(({ name }) => name)).toEqual([".dev.vars"]);
    expect(textOf(plan, ".gitignore").split("\n")).toContain(".dev.vars");
  });

  test("nothing is left to do afterwards", () => {
    expect(done(planInit(folder, "24.0.0"))).toMatchObject({
      files: [],
      needsLines: false,
      needsInstall: false,
      needsAssets: false,
    });
  });

  test("on a Node that wrangler does not run on, the project gets one", () => {
    const manifests = ["20.20.2", "22.12.0"].map((version) => textOf(planInit(folder, version), "package.json"));
    expect(manifests).toEqual([expect.stringContaining('"node": "'), expect.not.stringContaining('"node": "')]);
  });
});

describe("in the project of a Worker", () => {
  const EXISTING = {
    "wrangler.jsonc":
      '{\n  // mine\n  "name": "mine",\n  "main": "./src/server.ts",\n  "compatibility_date": "2026-01-01"\n}\n',
    "src/server.ts": "export default { fetch: () => new Response() };\n",
    "package.json":
      '{\n\t"name": "mine",\n\t"scripts": { "dev": "vite dev" },\n\t"devDependencies": { "wrangler": "4.100.0" }\n}\n',
    ".gitignore": "node_modules/\n.dev.vars*\n",
  };

  test("only what is missing is added, and the code's lines are left to its owner", () => {
    write(EXISTING);
    const plan = planInit(folder, "24.0.0");
    expect(names(plan)).toEqual([".dev.vars", ".gitignore", "package.json", "wrangler.jsonc"]);
    expect(plan).toMatchObject({ main: "src/server.ts", needsLines: true, needsAssets: false });
    expect(textOf(plan, "wrangler.jsonc")).toContain("// mine");
    expect(plan.notes).toContainEqual(expect.stringContaining("no_web_socket_compression holds for all sockets"));
    expect(plan.notes).toContainEqual(expect.stringContaining("compatibility_date 2026-01-01"));
    expect(JSON.parse(textOf(plan, "package.json"))).toEqual({
      name: "mine",
      scripts: { dev: "vite dev", deploy: "wrangler deploy" },
      devDependencies: { wrangler: "4.100.0" },
      dependencies: { "@tickertape/feed": expect.any(String), hono: expect.any(String) },
    });
    expect(textOf(plan, ".gitignore")).toBe("node_modules/\n.dev.vars*\n.wrangler/\n");
    const again = done(plan);
    expect(again).toMatchObject({ files: [], needsLines: true });
  });

  test("secrets go to the file that wrangler reads, and those that are there stay", () => {
    write({ ...EXISTING, ".env": "PUBLISH_KEY=mine-alone\nADMIN_KEY=" });
    const plan = planInit(folder, "24.0.0");
    expect(names(plan)).toContain(".env");
    expect(names(plan)).not.toContain(".dev.vars");
    expect(parseEnv(textOf(plan, ".env"))).toEqual({
      PUBLISH_KEY: "mine-alone",
      ADMIN_KEY: "",
      JWT_SECRET: expect.any(String),
    });
  });

  test("an environment that has lost the objects is a fault, and another project's config is none", () => {
    write(EXISTING);
    expect(configFaults(folder)).toEqual([]);
    done(planInit(folder, "24.0.0"));
    expect(configFaults(folder)).toEqual([]);
    const config = textOf(planInit(folder, "24.0.0"), "wrangler.jsonc");
    expect(config).toBe("");
    write({
      "wrangler.toml": "",
      "wrangler.jsonc":
        '{"compatibility_date":"2026-09-01","env":{"production":{}},"durable_objects":{"bindings":[{"name":"FEEDS","class_name":"FeedObject"}]}}',
    });
    expect(configFaults(folder)).toContainEqual(
      expect.stringMatching(
        /the objects \(env\.production\.durable_objects\.bindings\); the environment production inherits none/,
      ),
    );
  });
});

test("code of another kind is not taken for the Worker", () => {
  write({ "src/index.ts": "console.log(1);\n", "package.json": "{}" });
  expect(planInit(folder, "24.0.0")).toMatchObject({ main: "src/worker.ts", needsLines: false });
});
