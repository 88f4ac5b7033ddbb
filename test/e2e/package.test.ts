import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { publish, PUBLISH_KEY } from "./support/api.ts";
import { docsCode } from "./support/docs-code.ts";
import { installPackage } from "./support/packed.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";
import { until } from "./support/until.ts";
import { pinnedNode, root } from "./support/workerd.ts";

const run = promisify(execFile);

/** The machine's own Node, if it is a Node 20 that can `require` ES modules. */
const node20 = (process.env["PATH"] ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .map((folder) => join(folder, "node"))
  .find((node) => /^v20\.(?:19|[2-9]\d)\./.test(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? ""));

/** What a Worker has besides. */
const OF_A_WORKER = ["cloudflare:workers", "hono", "hono/cors"];

/** A project that has installed the package. */
let project: string;
/** The package in it. */
let installed: string;
let server: SharedServer;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "tickertape-project-"));
  installed = await installPackage(project);
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  server = await sharedWorkerd();
});
afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

test("what is packed is what its users need, and it depends on nothing", async () => {
  const files = await readdir(installed, { recursive: true });
  expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "CHANGELOG.md", "package.json"]));
  expect((await readdir(installed)).filter((name) => !/^[A-Z]/.test(name)).toSorted()).toEqual([
    "dist",
    "package.json",
  ]);
  // The command runs in Node alone, with its libraries in it.
  for (const name of files.filter((name) => name.startsWith("dist/cli/"))) {
    const text = await readFile(join(installed, name), "utf8");
    const imported = [...text.matchAll(/(?:\bfrom|\bimport\()\s?"([^"]+)"/g)].map(([, from = ""]) => from);
    expect(
      imported.filter((from) => !/^(\.\/|node:|@tickertape\/feed\/)/.test(from)),
      name,
    ).toEqual([]);
  }
  for (const name of files.filter((name) => name.endsWith(".js") && !name.startsWith("dist/cli/"))) {
    const text = await readFile(join(installed, name), "utf8");
    const imported = [...text.matchAll(/^(?:import|export) .*from "([^"]+)";$/gm)].map(([, from]) => from);
    const others = imported.filter((from) => !from?.startsWith("./") && !from?.startsWith("../"));
    const peers = name.includes("/react/") ? ["react"] : name.includes("/worker/") ? OF_A_WORKER : [];
    expect(peers, name).toEqual(expect.arrayContaining(others));
  }
  const manifest: Record<string, unknown> = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  expect(manifest["dependencies"]).toBeUndefined();
});

test("its command makes a project in an empty folder, with the pages in it, and the package has the licences of what is inlined", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tickertape-new-"));
  try {
    const command = join(installed, "dist/cli/tickertape.js");
    const { stdout } = await run(command, ["init", folder, "--no-install"], {
      env: { ...process.env, PATH: `${dirname(pinnedNode)}:${process.env["PATH"]}` },
    });
    expect(stdout).toContain("npx wrangler dev");
    const made = await readdir(folder, { recursive: true });
    expect(made).toEqual(expect.arrayContaining(["wrangler.toml", "src/index.ts", ".dev.vars", "public/index.html"]));
    expect(made).toContain("public/assets/tickertape.js");
    const again = await run(command, ["init", folder, "--no-install"]);
    expect(again.stdout).toContain("Nothing to do");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const licences = await readFile(join(installed, "dist/LICENSES.txt"), "utf8");
  for (const name of ["commander", "jose", "ws", "lightweight-charts"]) expect(licences).toContain(`\n${name} `);
});

test("a Node program that has installed it publishes with it, and watches what it published", async () => {
  const program = `
    // Where there is no page, it does nothing.
    import "@tickertape/feed/elements";
    import { connect } from "@tickertape/feed/client";
    import { createPublisher } from "@tickertape/feed/publisher";
    const [url, key] = process.argv.slice(2);
    const feed = connect(url, "packed");
    const publisher = createPublisher({ url, feed: "packed", key });
    const { seq } = await publisher.publish([{ key: "AAPL", set: { price: 191.2 } }, { key: "MSFT", set: { price: 430 } }]);
    await publisher.close();
    for await (const { key, value } of feed) {
      if (key !== "MSFT") continue;
      console.log(JSON.stringify({ seq, value, all: [...feed.keys()].sort() }));
      break;
    }
    feed.close();
  `;
  await writeFile(join(project, "program.js"), program);
  const { stdout, stderr } = await run(pinnedNode, ["program.js", server.url, PUBLISH_KEY], {
    cwd: project,
    timeout: 30_000,
  });
  expect(JSON.parse(stdout)).toEqual({ seq: 2, value: { price: 430 }, all: ["AAPL", "MSFT"] });
  expect(stderr).toBe("");
});

test.skipIf(node20 === undefined)(
  "on Node 20, which has no WebSocket, it does so over HTTP, also by require",
  async () => {
    const program = `
    if (typeof WebSocket !== "undefined" || Promise.withResolvers) throw new Error("not what this is about");
    const [url, key] = process.argv.slice(2);
    const { connect } = require("@tickertape/feed/client");
    const { createPublisher } = require("@tickertape/feed/publisher");
    const feed = connect(url, "packed-20", { token: key });
    const publisher = createPublisher({ url, feed: "packed-20", key });
    (async () => {
      publisher.send({ key: "AAPL", set: { price: 1 } });
      await publisher.close();
      for await (const { value } of feed) {
        if (value.price === 2) break;
        await feed.publish({ key: "AAPL", patch: { price: 2 } });
      }
      feed.close();
      console.log("done");
    })();
  `;
    await writeFile(join(project, "program-20.cjs"), program);
    const args = ["program-20.cjs", server.url, PUBLISH_KEY];
    const { stdout } = await run(node20 ?? "", args, { cwd: project, timeout: 30_000 });
    expect(stdout).toBe("done\n");
  },
);

test("one that imports @tickertape/feed/msgpack is sent MessagePack", async () => {
  await publish(`${server.url}/v1/feeds/binary`, { key: "AAPL", set: { price: 191.2 } });
  const program = `
    import { connect } from "@tickertape/feed/client";
    import { msgpack } from "@tickertape/feed/msgpack";
    let protocol;
    class NotedSocket extends WebSocket {
      constructor(...args) {
        super(...args);
        this.addEventListener("open", () => (protocol = this.protocol));
      }
    }
    const feed = connect(process.argv[2], "binary", { format: msgpack, WebSocket: NotedSocket });
    for await (const { key, value } of feed) {
      console.log(JSON.stringify({ protocol, key, value }));
      break;
    }
    feed.close();
  `;
  await writeFile(join(project, "binary.js"), program);
  const { stdout } = await run(pinnedNode, ["binary.js", server.url], { cwd: project, timeout: 30_000 });
  expect(JSON.parse(stdout)).toEqual({ protocol: "tickertape.v1.msgpack", key: "AAPL", value: { price: 191.2 } });
});

test("the lines of the docs for a program work in one that has installed it", async () => {
  await writeFile(
    join(project, "watch.ts"),
    await docsCode("ts", "for await (const { key, value, previous }", server.url),
  );
  await writeFile(join(project, "publish.ts"), await docsCode("ts", "createPublisher({", server.url));
  const watching = spawn(pinnedNode, ["watch.ts"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  watching.stdout.on("data", (data: Buffer) => (printed += data.toString()));
  try {
    await run(pinnedNode, ["publish.ts"], { cwd: project, timeout: 30_000, env: { ...process.env, PUBLISH_KEY } });
    await until(() => printed.includes("\n"), "a change");
    expect(printed).toBe("AAPL undefined -> 191.4\n");
  } finally {
    watching.kill();
  }
});

test("its hooks find the React of the project, and render on a server", async () => {
  for (const name of ["react", "react-dom", "scheduler"]) {
    await symlink(join(root, "node_modules", name), join(project, "node_modules", name));
  }
  const program = `
    import { createElement } from "react";
    import { renderToString } from "react-dom/server";
    import { useEntry, useFeed, useFeedStatus } from "@tickertape/feed/react";
    function Price() {
      const feed = useFeed("https://feeds.example.com", "stocks");
      return useFeedStatus(feed).state + " " + String(useEntry(feed, "AAPL"));
    }
    console.log(renderToString(createElement(Price)));
  `;
  await writeFile(join(project, "rendered.js"), program);
  const { stdout } = await run(pinnedNode, ["--preserve-symlinks", "rendered.js"], { cwd: project });
  expect(stdout.trim()).toBe("connecting undefined");
});

test("[DECL1] a Worker of five lines type-checks to the letter, and is not more than a tenth larger than the one here", async () => {
  for (const name of ["hono", "valibot"]) {
    await symlink(join(root, "node_modules", name), join(project, "node_modules", name));
  }
  await mkdir(join(project, "node_modules/@cloudflare"), { recursive: true });
  const types = "node_modules/@cloudflare/workers-types";
  await symlink(join(root, types), join(project, types));
  const lines = (await docsCode("ts", "export const feeds = {", server.url)).replace('"./index"', '"./worker"');
  await writeFile(join(project, "worker.ts"), lines);
  const compilerOptions = {
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["es2022"],
    types: ["@cloudflare/workers-types"],
    strict: true,
    noEmit: true,
    // The types of the package are checked too.
    skipLibCheck: false,
  };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["worker.ts"] }));
  await run(pinnedNode, [join(root, "node_modules/typescript/bin/tsc"), "-p", project]);
  const sizeOf = async (entry: string): Promise<number> => {
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      outdir: project,
      format: "esm",
      target: "es2024",
      conditions: ["workerd", "worker", "browser"],
      external: ["cloudflare:workers"],
      write: false,
    });
    return outputFiles[0]?.contents.byteLength ?? NaN;
  };
  expect(await sizeOf(join(project, "worker.ts"))).toBeLessThan(1.1 * (await sizeOf(join(root, "src/index.ts"))));
});

test("a page that imports the client loads less than 8.7 kB of it", async () => {
  const page = 'import { connect } from "@tickertape/feed/client"; connect("", "");';
  await writeFile(join(project, "page.js"), page);
  const { outputFiles } = await build({
    entryPoints: [join(project, "page.js")],
    bundle: true,
    // What is seldom needed is a file of its own.
    splitting: true,
    outdir: project,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const entry = outputFiles.find(({ path }) => path.endsWith("/page.js"));
  const text = entry?.text ?? "";
  expect(text.match(/from"[^"]+"/g), "nothing else is loaded with it").toBeNull();
  expect(text).toContain("v1/feeds");
  expect(gzipSync(text, { level: 9 }).byteLength).toBeLessThanOrEqual(8_700);
});
