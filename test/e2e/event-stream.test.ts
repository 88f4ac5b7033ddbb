import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EventSource } from "eventsource";
import { createParser } from "eventsource-parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish, publishMegabytes, snapshot, statsOf } from "./support/api.ts";
import { docsCode } from "./support/docs-code.ts";
import { Server } from "./support/server.ts";
import { until } from "./support/until.ts";
import { View } from "../support/view.ts";

const run = promisify(execFile);

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.dispose());

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

/** Keeps a view by the events of a library's EventSource. */
function watch(url: string): { source: EventSource; view: View; ids: string[] } {
  const view = new View();
  const ids: string[] = [];
  const source = new EventSource(url);
  for (const type of ["hello", "snapshot", "update"]) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      view.receive(data);
      ids.push(lastEventId);
    });
  }
  return { source, view, ids };
}

describe("the eventsource package", () => {
  test("shows a feed live, and resumes by itself over a crash of the server, without a gap", async () => {
    const url = feedUrl("crash");
    await publish(url, { key: "A", set: { n: 0 } });
    const { source, view, ids } = watch(url);
    await until(() => view.position?.seq === 1, "the snapshot");
    for (let n = 1; n <= 20; n++) {
      await publish(url, { key: `k${n % 3}`, set: { n } });
      if (n % 10 === 0) await server.crash();
    }
    await until(() => view.position?.seq === 21, "everything");
    expect(view.faults).toEqual([]);
    expect(view.state()).toEqual((await snapshot(url)).entries);
    // Never a second snapshot: what was missed came as updates.
    expect(view.reasons).toEqual(["initial"]);
    expect(ids.at(-1)).toBe(view.since);
    source.close();
  });
});

describe("[SSE4] [I4] an idle feed hibernates with its streams", () => {
  /** workerd takes an idle object out of memory after ten seconds; no clock but the real one makes it. */
  const IDLE_MS = 11_500;

  test("which stay open, and go on where they left off", async () => {
    const url = feedUrl("idle");
    await publish(url, { key: "A", set: { n: 1 } });
    const { source, view } = watch(url);
    await until(() => view.position?.seq === 1, "the snapshot");
    const before = await statsOf(url);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    await publish(url, { key: "A", set: { n: 2 } });
    await until(() => view.position?.seq === 2, "the update");
    const after = await statsOf(url);
    expect(after.started, "the object never left memory").toBeGreaterThan(before.started);
    expect(view.types).toEqual(["hello", "snapshot", "update"]);
    source.close();
  });
});

describe("[SSE4] [I5] a reader of a stream that stops reading", () => {
  const MEGABYTES = 20;

  test("is waited for, and has everything once it reads again; the object holds little of it", async () => {
    const url = feedUrl("stalled");
    await publishMegabytes(url, 1);
    const response = await new Promise<IncomingMessage>((resolve) =>
      get(url, { headers: { Accept: "text/event-stream" } }, resolve),
    );
    const view = new View();
    const parser = createParser({ onEvent: ({ data }) => view.receive(data) });
    response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
    await until(() => view.position, "its snapshot");
    response.pause();
    const { seq } = await publishMegabytes(url, MEGABYTES);
    expect(await statsOf(url)).toMatchObject({ subscribers: 1, lagging: 1 });
    response.resume();
    await until(() => view.position?.seq === seq, "its catching up");
    expect(view.faults).toEqual([]);
    expect(view.state()).toEqual((await snapshot(url)).entries);
    expect(view.messages.some(({ skipped = 0 }) => skipped > 0)).toBe(true);
    response.destroy();
    // Gone, it is noticed when there is something to send.
    await until(async () => {
      await publish(url, { key: "more", set: {} });
      return (await statsOf(url)).subscribers === 0;
    }, "its being let go");
  });
});

test("curl shows a stream", async () => {
  const url = feedUrl("curl");
  const { epoch } = await publish(url, { key: "AAPL", set: { price: 191.2 } });
  // It ends after two seconds, as the stream does not.
  const args = ["-sN", "--max-time", "2", "-H", "Accept: text/event-stream", url];
  const { stdout } = await run("curl", args).catch((error: { stdout: string }) => error);
  expect(stdout).toMatch(/^retry: \d+\n\nevent: hello\ndata: \{"type":"hello".*\}\n\nevent: snapshot\n/);
  expect(stdout).toContain(`\nid: ${epoch}:1\ndata: {"type":"snapshot"`);
});

test("the lines of the docs of Python follow a feed over a crash of the server, and end if they are refused, where there is Python", async () => {
  const url = feedUrl("stocks");
  await publish(url, { key: "AAPL", set: { price: 191.2 } });
  const program = join(tmpdir(), `tickertape-${process.pid}.py`);
  const code = await docsCode("python", "text/event-stream", server.url);
  expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
  if (spawnSync("python3", ["--version"]).status !== 0) return;
  await writeFile(program, code);
  const child = execFile("python3", ["-u", program]);
  let printed = "";
  child.stdout?.on("data", (data) => (printed += data));
  child.stderr?.on("data", (data) => (printed += data));
  const prints = (text: string): Promise<unknown> =>
    until(
      () => printed.includes(text),
      () => `${text}; printed ${printed}`,
    );
  try {
    await prints("191.2");
    await publish(url, { key: "AAPL", patch: { price: 191.3 } });
    await prints("191.3");
    await server.crash();
    await publish(url, { key: "AAPL", patch: { price: 191.4 } });
    await prints("191.4");
    // Never a second snapshot: what was missed came as an update.
    expect(printed.match(/^\w+/gm)).toEqual(["hello", "snapshot", "update", "hello", "update"]);
  } finally {
    child.kill();
  }
  await writeFile(program, code.replace("/stocks", "/no,name"));
  await expect(run("python3", [program], { timeout: 20_000 })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("HTTP Error 400"),
  });
});
