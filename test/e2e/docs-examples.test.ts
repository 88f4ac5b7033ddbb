import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { ADMIN_KEY, publish, PUBLISH_KEY } from "./support/api.ts";
import { JWT_SECRET } from "../support/tokens.ts";
import { codeBlocks, docsCode } from "./support/docs-code.ts";
import { sharedChromium, startForeignSite } from "./support/chromium.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";
import { pinnedNode } from "./support/workerd.ts";

const run = promisify(execFile);

let server: SharedServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
});

test("the lines of the docs for a page work in an empty page, wherever it comes from", async () => {
  const feed = `${server.url}/v1/feeds/docs-page`;
  await publish(feed, [
    { key: "AAPL", set: { price: 191.2 } },
    { key: "TSLA", set: { price: 250 } },
  ]);
  const site = await startForeignSite(await docsCode("html", "tickertape.js", server.url, "docs-page"));
  const page = await browser.newPage();
  const lines: string[] = [];
  page.on("pageerror", (error) => lines.push(String(error)));
  page.on("console", (message) => {
    void Promise.all(message.args().map((argument) => argument.jsonValue())).then((args) =>
      lines.push(JSON.stringify(args)),
    );
  });
  await page.goto(site.url);
  await until(
    () => lines.some((line) => line.startsWith(`["live"`)),
    () => `the feed to be live; printed ${lines.join()}`,
  );
  await publish(feed, { key: "MSFT", set: { price: 430 } });
  await until(
    () => lines.some((line) => line.includes("MSFT")),
    () => `MSFT; printed ${lines.join()}`,
  );
  expect(lines.filter((line) => line.includes("price")).map((line): unknown => JSON.parse(line))).toEqual([
    [[{ key: "AAPL", value: { price: 191.2 } }]],
    [[{ key: "MSFT", value: { price: 430 } }]],
  ]);
  await page.close();
  site.close();
});

describe("the lines of the docs for a shell", async () => {
  const shell = (await codeBlocks()).filter(({ language, code }) => language === "sh" && code.includes("curl"));

  test("are several", () => {
    expect(shell.length).toBeGreaterThanOrEqual(5);
  });

  test.each(shell)("do what they say: $file, $code", async ({ code }) => {
    const feed = `${server.url}/v1/feeds/docs-shell`;
    const { epoch, seq } = await publish(feed, { key: "AAPL", set: { price: 190 } });
    const script = code
      .replaceAll("http://127.0.0.1:8787/v1/feeds/stocks", feed)
      .replaceAll("http://127.0.0.1:8787", server.url)
      // The keys are in the environment already.
      .replaceAll(/^export \w+=\.\.\..*$/gm, "")
      // A stream does not end by itself, and a poll waits for what does not come.
      .replaceAll("curl -N", "curl -N --max-time 2")
      .replaceAll("wait=30", "wait=1")
      .replaceAll(/\bcurl\b/g, "curl -sS -w '\\n%{http_code}\\n'");
    const env = { ...process.env, PUBLISH_KEY, ADMIN_KEY, JWT_SECRET, EPOCH: epoch, SEQ: String(seq) };
    // What ends by `--max-time` has an exit code of its own.
    const { stdout } = await run("bash", ["-c", script], { env }).catch((error: { stdout: string }) => error);
    const statuses = stdout.match(/^[0-9]{3}$/gm) ?? [];
    expect(statuses.length, stdout).toBe(code.match(/\bcurl\b/g)?.length);
    for (const status of statuses) expect(Number(status), stdout).toBeLessThan(300);
  });
});

test("the lines of the docs for Python publish, with the file that the server serves", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tickertape-python-"));
  try {
    const served = await fetch(`${server.url}/clients/tickertape.py`);
    await writeFile(join(folder, "tickertape.py"), await served.text());
    const program = await docsCode("python", "import Publisher", server.url, "docs-python");
    const { stdout } = await run("python3", ["-c", program], {
      cwd: folder,
      env: { ...process.env, PUBLISH_KEY },
      timeout: 20_000,
    });
    expect(stdout).toMatch(/^Receipt\(feed='docs-python', epoch='\w+', seq=2, accepted=\d, stale=0\)\n$/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the lines of the docs for a plain WebSocket get a snapshot, and come back with what was missed", async () => {
  const feed = `${server.url}/v1/feeds/docs-socket`;
  await publish(feed, { key: "AAPL", set: { price: 191.2 } });
  const socketUrl = server.url.replace(/^http/, "ws");
  const [watching, comingBack] = await Promise.all(
    ["socket.onmessage", "?since="].map((text) => docsCode("js", text, server.url, "docs-socket")),
  );
  const program = `
    ${watching?.replaceAll("ws://127.0.0.1:8787", socketUrl)}
    socket.addEventListener("message", ({ data }) => {
      const { type, epoch, seq } = JSON.parse(data);
      if (type !== "snapshot") return;
      socket.close();
      const back = ${comingBack?.replaceAll("ws://127.0.0.1:8787", socketUrl)}
      back.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "hello") return;
        console.log("back", message.type, message.from === seq);
        back.close();
      };
    });
  `;
  const { stdout } = await run(pinnedNode, ["-e", program], { timeout: 20_000 });
  expect(stdout).toContain("entries: { AAPL: { price: 191.2 }");
  expect(stdout).toContain("back update true");
});
