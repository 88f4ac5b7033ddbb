import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JWT_SECRET } from "../support/tokens.ts";
import { ADMIN_KEY, publish, PUBLISH_KEY, snapshot } from "./support/api.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";
import { until } from "./support/until.ts";
import { pinnedNode, root } from "./support/workerd.ts";

let server: SharedServer;
const running = new Set<ChildProcessWithoutNullStreams>();

beforeAll(async () => {
  server = await sharedWorkerd();
});
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

function start(args: readonly string[], token: string = PUBLISH_KEY): ChildProcessWithoutNullStreams {
  const env = { ...process.env, TICKERTAPE_URL: server.url, TICKERTAPE_TOKEN: token, ADMIN_KEY, JWT_SECRET };
  // Elsewhere than in the repository, whose `.dev.vars` has keys of another server.
  const child = spawn(pinnedNode, [join(root, "src/cli/main.ts"), ...args], { env, cwd: tmpdir() });
  running.add(child);
  child.on("exit", () => running.delete(child));
  return child;
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Runs a command to its end. */
async function run(args: readonly string[], input = "", token?: string): Promise<Outcome> {
  const child = start(args, token);
  child.stdin.end(input);
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, out, error };
}

const lines = (out: string): unknown[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

const update = (key: string, last: number): string => `${JSON.stringify({ key, set: { last } })}\n`;

describe.concurrent("the command", () => {
  test("publishes what it is given line by line, says which line is not taken, and prints receipts", async () => {
    const input = `${update("AAPL", 1)}no json\n{"key":"A","sett":{}}\n\n[${update("B", 2).trim()},${update("C", 3).trim()}]\n`;
    const { code, out, error } = await run(["publish", "cli-lines"], input);
    expect(error).toMatch(/^line 2: it is not JSON$/m);
    expect(error).toMatch(/^line 3: sett: /m);
    expect(error).toMatch(/^3 accepted, 2 lines not published; position \w+:3$/m);
    expect(code).toBe(1);
    expect(lines(out).at(-1)).toMatchObject({ feed: "cli-lines", seq: 3, stale: 0 });
    const { entries } = await snapshot(`${server.url}/v1/feeds/cli-lines`);
    expect(entries).toEqual({ AAPL: { last: 1 }, B: { last: 2 }, C: { last: 3 } });
  });

  test("watches until it is interrupted, and goes on from there with --since", async () => {
    const feed = `${server.url}/v1/feeds/cli-watched`;
    await publish(feed, [
      { key: "AAPL", set: { last: 1, bid: 1 } },
      { key: "OLD", set: { last: 1 } },
      { key: "SAME", set: { last: 1 } },
    ]);
    const child = start(["watch", "cli-watched", "--fields", "last"]);
    let out = "";
    let error = "";
    child.stdout.on("data", (data: Buffer) => (out += data.toString()));
    child.stderr.on("data", (data: Buffer) => (error += data.toString()));
    await until(() => out.includes("SAME"), "the entries");
    await publish(feed, { key: "AAPL", patch: { last: 2 } });
    await until(() => out.includes('"last":2'), "the change");
    child.kill("SIGINT");
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    expect(lines(out)).toEqual([
      { key: "AAPL", set: { last: 1 } },
      { key: "OLD", set: { last: 1 } },
      { key: "SAME", set: { last: 1 } },
      { key: "AAPL", set: { last: 2 } },
    ]);
    const position = /^position (\w+:4)$/m.exec(error)?.[1] ?? "";

    await publish(feed, [
      { key: "OLD", delete: true },
      { key: "NEW", set: { last: 3 } },
    ]);
    const later = await run(["watch", "cli-watched", "--since", position, "--once"]);
    expect(lines(later.out)).toEqual([
      { key: "OLD", delete: true },
      { key: "NEW", set: { last: 3 } },
    ]);
    expect(later.code).toBe(0);
  });

  test("ends without a word when nobody reads it any more", async () => {
    const feed = `${server.url}/v1/feeds/cli-unread`;
    await publish(feed, { key: "A", set: { n: 0 } });
    const child = start(["watch", "cli-unread"]);
    const ended = once(child, "close");
    await once(child.stdout, "data");
    child.stdout.destroy();
    let n = 0;
    // Whoever writes notices, and that is not at the first time.
    await until(() => publish(feed, { key: "A", set: { n: ++n } }).then(() => child.exitCode !== null), "the end");
    await ended;
    expect(child.exitCode).toBe(0);
  });

  test("makes tokens that allow what they say, and nothing else", async () => {
    const { out, code } = await run(["token", "--scope", "publish:cli-mine", "--for", "5m"]);
    expect(code).toBe(0);
    const [mine, other] = await Promise.all([
      run(["publish", "cli-mine", "--quiet"], update("A", 1), out.trim()),
      run(["publish", "cli-other"], update("A", 1), out.trim()),
    ]);
    expect(mine).toEqual({ code: 0, out: "", error: expect.stringMatching(/^1 accepted; position \w+:1\n$/) });
    expect(other).toEqual({
      code: 1,
      out: "",
      error: expect.stringMatching(/^tickertape: The server refused to publish: .+\n$/),
    });
  });

  test("measures with a feed of its own", async () => {
    const { code, out, error } = await run(["bench", "--seconds", "1", "--rate", "20", "--subscribers", "3", "--json"]);
    // It is removed at the end, else that would be said.
    expect({ code, error }).toEqual({ code: 0, error: "" });
    expect(JSON.parse(out)).toMatchObject({ published: 20, delivery: { p50: expect.any(Number) } });
  });
});
