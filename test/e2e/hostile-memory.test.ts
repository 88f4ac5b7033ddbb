import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test, type TestContext } from "vitest";
import { batch, FULL, keyOf, LARGE, largest, SMALL, type Filling } from "../bench/hostile/feeds.ts";
import { ask } from "../bench/hostile/http.ts";
import { publishBy } from "../bench/hostile/publishing.ts";
import { HostileSocket } from "../bench/hostile/socket.ts";
import { pathOf, type HostileTarget } from "../bench/hostile/target.ts";
import { heapBytes } from "../bench/load/memory.ts";
import { statsOf } from "./support/api.ts";
import { AttackedServer } from "./support/attacked-server.ts";
import { residentBytes } from "../bench/load/memory.ts";
import { until } from "./support/until.ts";
import { freePort } from "./support/workerd.ts";

const MB = 1_000_000;
/**
 * Megabytes of heap that the server gets: half of what the platform gives, for twice what is needed at any moment. It ends
 * where that is not enough.
 */
const MOST_HEAP = 64;

/** A server of one test, and what can be asked of it. */
class Measured {
  readonly server: AttackedServer;
  readonly #inspectorPort: number;

  private constructor(server: AttackedServer, inspectorPort: number) {
    this.server = server;
    this.#inspectorPort = inspectorPort;
  }

  static async start({ onTestFinished }: TestContext, filling: Filling, share = 1): Promise<Measured> {
    const inspectorPort = await freePort();
    const server = await AttackedServer.start(filling, { share, inspectorPort, mostHeap: MOST_HEAP });
    onTestFinished(() => server.dispose());
    return new Measured(server, inspectorPort);
  }

  get target(): HostileTarget {
    return this.server.target;
  }

  heap(): Promise<number> {
    return heapBytes(this.#inspectorPort, this.target.port);
  }

  resident(): Promise<number> {
    return residentBytes(this.server.pid);
  }

  async subscribers(): Promise<number> {
    return (await statsOf(this.server.url)).subscribers;
  }

  /** These bodies one after the other, so many milliseconds apart. */
  async publishAll(bodies: readonly string[], apart: number): Promise<void> {
    for (const body of bodies) {
      expect(await publishBy(this.target, body)).toBe("200");
      await wait(apart);
    }
  }
}

// They mostly wait, each with a server of its own.
describe.concurrent("[I9] memory is bounded in bytes", () => {
  test("[LAG6] by readers who take nothing, who are found out also while nothing is published", async (context) => {
    const server = await Measured.start(context, LARGE);
    await ask(server.target, { path: pathOf(server.target) });
    const before = await server.resident();
    for (let i = 0; i < 20; i++) (await HostileSocket.open(server.target)).stopReading();
    await wait(3_000);
    const grown = (await server.resident()) - before;
    console.log(`20 readers that take nothing: ${Math.round(grown / MB)} MB`);
    expect(grown).toBeLessThan(60 * MB);
    await until(async () => (await server.subscribers()) === 0, "their being let go", { ms: 45_000, every: 500 });
  });

  test("by those who want every update, seldom, and came each at another moment", async (context) => {
    const server = await Measured.start(context, SMALL);
    const before = await server.resident();
    for (let n = 0; n < 250; n++) {
      const updates = batch(4, (i) => ({ key: keyOf(i), set: { n, text: "y".repeat(900) } }));
      await server.publishAll([updates], 0);
      await HostileSocket.open(server.target, "mode=all&hz=0.1");
    }
    let most = 0;
    for (let i = 0; i < 120; i++) {
      await wait(100);
      most = Math.max(most, await server.resident());
    }
    console.log(`250 sockets of other moments: ${Math.round((most - before) / MB)} MB at most`);
    expect(most - before).toBeLessThan(150 * MB);
    expect(await server.subscribers()).toBe(250);
  });

  test("by what waits for one who wants every update, seldom", async (context) => {
    const server = await Measured.start(context, SMALL);
    const body = largest(16);
    await server.publishAll(
      Array.from({ length: 4 }, () => body),
      0,
    );
    const before = await server.heap();
    await HostileSocket.open(server.target, "mode=all&hz=0.1");
    await server.publishAll(
      Array.from({ length: 24 }, () => body),
      50,
    );
    const grown = (await server.heap()) - before;
    console.log(`24 MiB for one with mode=all&hz=0.1: ${Math.round(grown / MB)} MB of heap`);
    expect(grown).toBeLessThan(12 * MB);
  });

  test("by groups who differ in the tenth decimal of hz", async (context) => {
    const server = await Measured.start(context, FULL, 0.1);
    const before = await server.heap();
    for (let i = 0; i < 200; i++) await HostileSocket.open(server.target, `hz=${0.1 + i * 1e-10}&keys=tick.0*`);
    const bodies = Array.from({ length: 10 }, (_, n) =>
      batch(1_000, (i) => ({ key: keyOf(1_000 * n + i), patch: { n: i } })),
    );
    await server.publishAll(bodies, 50);
    const grown = (await server.heap()) - before;
    console.log(`200 sockets with hz of their own: ${Math.round(grown / MB)} MB of heap`);
    expect(grown).toBeLessThan(12 * MB);
  });
});
