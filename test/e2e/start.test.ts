import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { post, snapshot } from "./support/api.ts";
import { copyCheckout } from "./support/checkout.ts";
import { Group } from "./support/group.ts";
import { until } from "./support/until.ts";
import { lastingPort } from "./support/workerd.ts";

let folder: string;
let port: number;
const groups: Group[] = [];

beforeAll(async () => {
  folder = await copyCheckout();
  port = await lastingPort();
  // The packages are shared with this checkout, so an installation would replace them there too.
  const bin = join(folder, ".wrangler/test-bin");
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "npm"), "#!/bin/sh\necho 'npm is not to be run here' >&2\nexit 1\n");
  await chmod(join(bin, "npm"), 0o755);
});
afterAll(async () => {
  await Promise.all(groups.map((group) => group.kill()));
  await rm(folder, { recursive: true, force: true });
});

/** Runs what `npm start` runs, in a fresh clone. */
function start(): Group {
  const PATH = `${join(folder, ".wrangler/test-bin")}${delimiter}${process.env["PATH"]}`;
  const args = ["src/demo/start.mjs", "--port", String(port)];
  const group = new Group(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, PATH, TMPDIR: join(folder, ".wrangler/tmp") },
  });
  groups.push(group);
  return group;
}

/** Ends it as Ctrl-C does, and checks that nothing is left of it. */
async function interrupt(group: Group): Promise<void> {
  expect((await group.members()).length, "its processes").toBeGreaterThan(2);
  group.process.kill("SIGINT");
  await until(
    () => group.process.exitCode !== null,
    () => `an end; so far:\n${group.output}`,
    { ms: 30_000 },
  );
  expect(group.process.exitCode).toBe(0);
  await until(async () => (await group.members()).length === 0, "nothing to be left of it", { ms: 5_000 });
}

test("npm start serves the page and a demo feed within a minute, and Ctrl-C ends all of it", async () => {
  const url = `http://127.0.0.1:${port}`;
  const feed = `${url}/v1/feeds/stocks`;
  const group = start();
  await group.healthy(url, 60_000);
  const page = await fetch(url);
  expect([page.status, page.headers.get("Content-Type")]).toEqual([200, expect.stringContaining("text/html")]);
  await until(async () => Object.keys((await snapshot(feed)).entries).length >= 30, "30 stocks");
  const { seq } = await snapshot(feed);
  await until(async () => (await snapshot(feed)).seq > seq, "the market to move");
  await until(() => group.output.includes(`Open ${url}`), "the address to be shown");
  // It has keys of its own, in a file that only its owner can read. Publishing needs one of them.
  expect((await stat(join(folder, ".dev.vars"))).mode & 0o777).toBe(0o600);
  const answer = await fetch(feed, { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  expect(answer.status).toBe(401);

  // The token in the chat's URL may publish to the chat's feeds, and to no others.
  const [, chat = "", token = ""] = /(http\S+\/examples\/chat\/)#token=(\S+)/.exec(group.output) ?? [];
  expect(chat).toBe(`${url}/examples/chat/`);
  const served = await fetch(chat);
  expect([served.status, served.headers.get("Content-Type")]).toEqual([200, expect.stringContaining("text/html")]);
  const bearer = { Authorization: `Bearer ${token}` };
  const update = { key: "A", set: { text: "hello" } };
  const names = ["chat", "chat.here", "stocks"];
  const answers = names.map((name) => post(`${url}/v1/feeds/${name}`, update, bearer));
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 403]);
  expect(await readFile(join(folder, ".dev.vars"), "utf8")).toContain("JWT_SECRET=");

  const before = await snapshot(feed);
  await interrupt(group);
  await expect(fetch(url)).rejects.toThrow();

  // The feed is kept, and goes on with the next start.
  const next = start();
  await next.healthy(url, 60_000);
  const after = await snapshot(feed);
  expect(after.epoch).toBe(before.epoch);
  expect(after.seq).toBeGreaterThanOrEqual(before.seq);
  await interrupt(next);

  // Killed outright, it can do nothing more itself.
  const killed = start();
  await killed.healthy(url, 60_000);
  expect((await killed.members()).length, "its processes").toBeGreaterThan(2);
  killed.process.kill("SIGKILL");
  await until(async () => (await killed.members()).length === 0, "nothing to be left of it", { ms: 5_000 });
});
