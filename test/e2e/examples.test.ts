// Functions that are handed to the page run there.
/// <reference lib="dom" />
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { publish, PUBLISH_KEY, snapshot } from "./support/api.ts";
import { expectSound } from "./support/axe.ts";
import { complaintsOf, says, sharedChromium, startForeignSite } from "./support/chromium.ts";
import { installPackage } from "./support/packed.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";
import { until } from "./support/until.ts";
import { pinnedNode, root, Workerd } from "./support/workerd.ts";

const examples = join(root, "examples");

let folder: string;
let server: SharedServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tickertape-examples-"));
  server = await sharedWranglerDev();
  await publish(`${server.url}/v1/feeds/stocks`, [
    { key: "AAPL", set: { last: 191.2, volume: 1_250_000 } },
    { key: "MSFT", set: { last: 430, volume: 900 } },
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A copy of an example in a folder of its own, with the package that it would install, and others that are installed here. */
async function install(name: string, ...others: string[]): Promise<string> {
  const project = join(folder, name);
  await cp(join(examples, name), project, { recursive: true });
  await installPackage(project, others);
  return project;
}

test("each project installs what this repository packs, and is in the list", async () => {
  const { version }: { version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const list = await readFile(join(examples, "README.md"), "utf8");
  for (const name of await readdir(examples)) {
    if (!(await stat(join(examples, name))).isDirectory()) continue;
    expect(list).toContain(`| [${name}](${name}) |`);
    const manifest = await readFile(join(examples, name, "package.json"), "utf8").catch(() => undefined);
    if (manifest === undefined) continue;
    expect(JSON.parse(manifest)).toMatchObject({
      private: true,
      dependencies: { "@tickertape/feed": `file:../../tickertape-feed-${version}.tgz` },
    });
  }
});

test("node: a service publishes, and what it published is durable when it has ended", async () => {
  const service = spawn(pinnedNode, ["index.js"], {
    cwd: await install("node"),
    env: { ...process.env, TICKERTAPE_URL: server.url, PUBLISH_KEY },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  service.stderr.on("data", (data: Buffer) => (complaints += data.toString()));
  const ended = once(service, "exit");
  const machines = async (): Promise<Record<string, unknown>> =>
    (await snapshot(`${server.url}/v1/feeds/machines`)).entries;
  try {
    await until(
      async () => hostname() in (await machines()),
      () => `the machine; it says ${complaints}`,
    );
  } finally {
    service.kill("SIGTERM");
  }
  expect(await ended).toEqual([0, null]);
  expect((await machines())[hostname()]).toEqual({ load: expect.any(Number), memory: expect.any(Number) });
  expect(complaints).toBe("");
});

test("html: a page without code shows values and a tape", async () => {
  const [html, css] = await Promise.all(
    ["index.html", "style.css"].map((name) => readFile(join(examples, "html", name), "utf8")),
  );
  const style = `<style>${css}</style>`;
  const text = html?.replace(/<link rel="stylesheet".*>/, style).replaceAll("http://127.0.0.1:8787", server.url);
  const site = await startForeignSite(text);
  const page = await (await sharedChromium()).newPage();
  const complaints = complaintsOf(page, site.url, server.url);
  await page.goto(site.url);
  await page.locator('ticker-value[key="AAPL"]').first().getByText("$191.20").waitFor();
  await page.locator('ticker-value[key="AAPL"]').last().getByText("1.3M").waitFor();
  await page.locator("ticker-tape").getByRole("listitem").filter({ hasText: "MSFT 430.00" }).waitFor();
  await expectSound(page);
  expect(complaints).toEqual([]);
  await page.close();
  site.close();
});

test("vite-react: a table of all prices goes on live, over one connection", async () => {
  const project = await install("vite-react", "react", "react-dom", "scheduler");
  const { outputFiles } = await build({
    entryPoints: [join(project, "src/main.tsx")],
    outdir: project,
    bundle: true,
    format: "esm",
    preserveSymlinks: true,
    define: {
      "process.env.NODE_ENV": '"production"',
      "import.meta.env.VITE_TICKERTAPE_URL": JSON.stringify(server.url),
    },
    write: false,
  });
  const [script, style] = ["main.js", "main.css"].map(
    (name) => outputFiles.find(({ path }) => path.endsWith(name))?.text ?? "",
  );
  const html = await readFile(join(project, "index.html"), "utf8");
  const built = `<style>${style}</style><script type="module">${script?.replaceAll("</script", "<\\/script")}</script>`;
  const site = await startForeignSite(html.replace(/<script.*<\/script>/, () => built));
  const page = await (await sharedChromium()).newPage();
  const complaints = complaintsOf(page, site.url, server.url);
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.goto(site.url);
  await says(page, "tr", ["StockPriceVolume", "AAPL191.201,250,000", "MSFT430.00900"]);
  await publish(`${server.url}/v1/feeds/stocks`, { key: "MSFT", patch: { last: 431.5 } });
  await says(page, "tr", ["StockPriceVolume", "AAPL191.201,250,000", "MSFT431.50900"]);
  await says(page, "[role=status]", "Live");
  await expectSound(page);
  expect(sockets).toHaveLength(1);
  expect(complaints).toEqual([]);
  await page.close();
  site.close();
});

test("hono: who is signed in reads their own orders and no others, and everybody the last one", async () => {
  const project = await install("hono", "hono");
  const outfile = join(project, "built/index.js");
  await build({
    entryPoints: [join(project, "src/index.ts")],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:workers"],
    preserveSymlinks: true,
  });
  const bindings = { SESSION_SECRET: "a secret of this test alone, and long" };
  const worker = await Workerd.start({ build: join(project, "built"), bindings });
  try {
    const post = (
      path: string,
      form: Record<string, string>,
      headers: Record<string, string> = {},
    ): Promise<Response> =>
      fetch(worker.url + path, {
        method: "POST",
        redirect: "manual",
        headers: { Origin: worker.url, ...headers },
        body: new URLSearchParams(form),
      });
    const signedIn = await post("/sign-in", { name: "ada" });
    const Cookie = signedIn.headers.get("Set-Cookie")?.split(";")[0] ?? "";
    const read = (feed: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${worker.url}/live/v1/feeds/${feed}`, { headers });
    expect((await post("/orders", { item: "tea" })).status).toBe(401);
    expect((await post("/orders", { item: "tea" }, { Cookie, Origin: "https://elsewhere.example" })).status).toBe(403);
    expect((await post("/orders", { item: "tea" }, { Cookie })).status).toBe(303);
    expect(await (await read("kitchen")).json()).toMatchObject({ entries: { last: { item: "tea" } } });
    const own: { entries: object } = JSON.parse(await (await read("orders.ada", { Cookie })).text());
    expect(Object.values(own.entries)).toEqual([{ item: "tea" }]);
    expect((await read("orders.ada")).status).toBe(401);
    expect((await read("orders.bob", { Cookie })).status).toBe(403);
    expect((await read("orders.ada", { Cookie: `${Cookie}x` })).status).toBe(401);
    expect(await (await fetch(worker.url, { headers: { Cookie } })).text()).toContain("Your orders, ada");
  } finally {
    await worker.dispose();
  }
});
