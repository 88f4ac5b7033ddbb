import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { until } from "../../e2e/support/until.ts";
import type { Update } from "../../../src/publisher/index.ts";
import type { Fate } from "../publish-endpoint.ts";
import { count, tick, token } from "../set-up.ts";
import { LanguageProcess, type Options } from "./driver.ts";
import { HttpEndpoint } from "./http-endpoint.ts";
import { LANGUAGES } from "./languages.ts";

// The same for each language that has a publisher in one file, over real HTTP. Their clocks are real: each test waits for
// one back-off or two, and all wait together.

const set = (key: string, n: number): Update => ({ key, set: { n } });

describe.for(LANGUAGES)("$name", { concurrent: true }, ({ command }) => {
  let language: LanguageProcess;
  beforeAll(() => void (language = new LanguageProcess(command)));
  const servers: HttpEndpoint[] = [];
  afterAll(async () => {
    await language.end();
    for (const server of servers) server.close();
  });

  async function setUp(fates: readonly Fate[] = [], options: Partial<Options> = {}) {
    const server = await HttpEndpoint.start(fates);
    servers.push(server);
    const publisher = language.open({ url: `${server.url}/live/`, feed: "stocks", key: "publish-key", ...options });
    /** The server takes nothing until `server.isDown` is false again, and the publisher has noticed. */
    const goDown = async () => {
      server.isDown = true;
      publisher.send(set("noticed", 0));
      await until(async () => (await publisher.look()).state === "away", "the publisher to notice");
    };
    return { server, publisher, goDown, applied: server.endpoint.applied };
  }

  test("updates arrive in order, gathered while a POST is under way, a large body gzipped", async ({ expect }) => {
    const all = await setUp();
    const { publisher, server, applied } = all;
    publisher.send(tick("A", 0));
    await publisher.flush();
    for (const update of count(1_500)) publisher.send(update);
    const receipt = await publisher.publish([tick("B", 1), tick("B", 2)]);
    expect(receipt).toEqual({ feed: "stocks", epoch: "first", seq: 1_503, accepted: expect.any(Number), stale: 0 });
    expect(applied).toEqual([tick("A", 0), ...count(1_500), tick("B", 1), tick("B", 2)]);
    expect(server.endpoint.mostInFlight).toBe(1);
    expect(server.seen.length).toBeLessThan(100);
    expect(server.seen[0]).toMatchObject({
      url: "http://feed.test/live/v1/feeds/stocks",
      authorization: "Bearer publish-key",
      encoding: null,
    });
    expect(server.seen.some(({ encoding }) => encoding === "gzip")).toBe(true);
    const keys = server.seen.map(({ key }) => key);
    const [session] = keys[0]?.match(/^~session\/[\w-]{22}\//) ?? [];
    expect(keys).toEqual(keys.map((_, i) => `${session}${i + 1}`));
    expect(await publisher.close()).toEqual([]);
  });

  test("what is lost, hangs or is answered by a proxy is repeated with one key and one body", async ({ expect }) => {
    const fates: Fate[] = ["accept", "lost", "receipt lost", "receipt hangs", { status: 502, body: "<html>" }];
    const all = await setUp(fates, { timeout: 0.3 });
    const { publisher, server, applied } = all;
    await publisher.publish(tick("A", 0));
    expect(await publisher.publish(tick("A", 1))).toMatchObject({ seq: 2 });
    expect(await publisher.publish(tick("A", 2))).toMatchObject({ seq: 3 });
    expect(applied).toEqual([tick("A", 0), tick("A", 1), tick("A", 2)]);
    const repeated = server.seen.slice(1, 6).map(({ key, body }) => `${key} ${body}`);
    expect(new Set(repeated).size).toBe(1);
  });

  test("it waits as Retry-After says, and tells that it is away", async ({ expect }) => {
    const all = await setUp([{ status: 429, headers: { "retry-after": "0.3" } }]);
    const { publisher, server, goDown } = all;
    expect(await publisher.publish(tick("A", 1))).toMatchObject({ seq: 1 });
    const [first, second] = server.seen.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(299);
    await goDown();
    expect(await publisher.look()).toMatchObject({ state: "away", reason: "503 overloaded", pending: 1 });
    server.isDown = false;
    await publisher.flush();
    expect(await publisher.look()).toMatchObject({ state: "delivering", pending: 0 });
  });

  test("one caller's bad update fails no other call, and what nobody waits for is told", async ({ expect }) => {
    const all = await setUp();
    const { publisher, server, applied, goDown } = all;
    await goDown();
    const good = [publisher.publish(tick("A", 1)), publisher.publish(tick("B", 1))];
    const bad = publisher.publish([tick("C", 1), tick("bad", 1)]);
    publisher.send(tick("bad news", 1));
    good.push(publisher.publish(tick("D", 1)));
    server.isDown = false;
    for (const receipt of good) expect(await receipt).toMatchObject({ feed: "stocks" });
    const fault = { name: "PublishRefusedError", status: 422, code: "invalid_update" };
    expect(await bad).toMatchObject({ ...fault, issues: [{ index: 1, path: "key", message: "is bad" }] });
    expect(await publisher.flush()).toMatchObject(fault);
    expect(publisher.errors).toMatchObject([[fault, [tick("bad news", 1)]]]);
    expect(applied.map(({ key }) => key).toSorted()).toEqual(["A", "B", "D", "noticed"]);
  });

  test("while the server is away, the latest of each key waits, and no more than may", async ({ expect }) => {
    const all = await setUp([], { maxPending: 10 });
    const { publisher, server, applied, goDown } = all;
    await goDown();
    for (let n = 1; n <= 300; n++) publisher.send({ key: `K${n % 3}`, patch: { [`field${n % 2}`]: n } });
    publisher.send([set("K0", 1), { key: "K1", delete: true }]);
    expect((await publisher.look()).pending).toBeLessThanOrEqual(10);
    server.isDown = false;
    await publisher.close();
    expect(applied.slice(1)).toHaveLength(3);
    expect(applied.slice(1)).toEqual(
      expect.arrayContaining([
        set("K0", 1),
        { key: "K1", delete: true },
        { key: "K2", patch: { field0: 296, field1: 299 } },
      ]),
    );
    expect(publisher.errors).toEqual([]);
  });

  test("what there is no room for is dropped, the oldest first, counted, and told of once", async ({ expect }) => {
    const all = await setUp([], { maxPending: 10, whenFull: "drop-oldest" });
    const { publisher, server, applied, goDown } = all;
    await goDown();
    for (let n = 1; n <= 100; n++) publisher.send(set("A", n));
    expect(await publisher.look()).toMatchObject({ pending: 10, dropped: 91 });
    server.isDown = false;
    expect(await publisher.flush()).toMatchObject({ name: "PublisherFullError" });
    expect(publisher.errors).toHaveLength(1);
    expect(applied.slice(1)).toEqual(Array.from({ length: 9 }, (_, n) => set("A", 92 + n)));
  });

  test("a refused key ends it; one that is asked for is asked for again", async ({ expect }) => {
    const refused: Fate = { status: 401, body: { code: "unauthorized" } };
    const one = await setUp([refused]);
    expect(await one.publisher.publish(tick("A", 1))).toMatchObject({ name: "PublishRefusedError", status: 401 });
    expect(await one.publisher.look()).toMatchObject({ state: "closed" });
    one.publisher.send(tick("A", 2));
    expect(await one.publisher.flush()).toMatchObject({ status: 401 });
    expect(one.publisher.errors).toMatchObject([[{ status: 401 }, [tick("A", 2)]]]);
    const asked = await setUp([refused], { keys: ["old", "new"] });
    expect(await asked.publisher.publish(tick("A", 1))).toMatchObject({ seq: 1 });
    expect(asked.server.seen.map(({ authorization }) => authorization)).toEqual(["Bearer old", "Bearer new"]);
  });

  test("what may have been applied is not sent as another principal, and is called unknown", async ({ expect }) => {
    const keys = [token({ sub: "alice" }), token({ sub: "bob" })];
    const all = await setUp(["receipt lost"], { keys });
    const { publisher, applied, server } = all;
    expect(await publisher.publish(tick("A", 1))).toMatchObject({ name: "PublishUnknownError" });
    expect(await publisher.publish(tick("A", 2))).toMatchObject({ seq: 2 });
    expect(applied).toEqual([tick("A", 1), tick("A", 2)]);
    expect(server.seen).toHaveLength(2);
  });

  test("a feed that has forgotten the session gets a new one", async ({ expect }) => {
    const all = await setUp();
    const { publisher, server, applied } = all;
    await publisher.publish(tick("A", 1));
    server.endpoint.feed.forget();
    expect(await publisher.publish(tick("A", 2))).toMatchObject({ seq: 2 });
    expect(applied).toEqual([tick("A", 1), tick("A", 2)]);
  });

  test("what nobody takes is given up in time; close gives back what has no receipt", async ({ expect }) => {
    const all = await setUp([], { giveUpAfter: 0.2 });
    all.server.isDown = true;
    expect(await all.publisher.publish(tick("A", 1))).toMatchObject({ name: "PublishRefusedError" });
    const other = await setUp();
    other.server.isDown = true;
    other.publisher.send(set("A", 1));
    other.publisher.send(set("B", 2));
    expect(await other.publisher.close(0.1)).toEqual([set("A", 1), set("B", 2)]);
    expect(other.publisher.errors).toEqual([]);
    expect(await other.publisher.publish(set("C", 1))).toMatchObject({ name: "PublisherClosedError" });
  });
});

describe("Python", () => {
  test("what is no JSON is told, and a program that does not close it publishes what it sent", async ({ expect }) => {
    const server = await HttpEndpoint.start(["lost"]);
    const program = `
import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])
from tickertape import Publisher
publisher = Publisher(sys.argv[2], "stocks", on_error=lambda error, updates: print(type(error).__name__, len(updates)))
publisher.send({"key": "A", "set": {"n": float("nan")}})
publisher.send({"set": {}})
publisher.send({"key": "A", "set": {"n": 1}})
`;
    const { stdout } = await promisify(execFile)("python3", [
      "-c",
      program,
      join(import.meta.dirname, "../../../public/clients"),
      server.url,
    ]);
    server.close();
    expect(stdout).toBe("ValueError 1\nTypeError 1\n");
    expect(server.endpoint.applied).toEqual([set("A", 1)]);
  });
});
