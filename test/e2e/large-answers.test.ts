import { setTimeout as wait } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { LARGE } from "../bench/hostile/feeds.ts";
import { ask } from "../bench/hostile/http.ts";
import { pathOf } from "../bench/hostile/target.ts";
import { residentBytes } from "../bench/load/memory.ts";
import { AttackedServer } from "./support/attacked-server.ts";

const MB = 1_000_000;
/** Megabytes of heap that the server gets: half of what the platform gives. */
const MOST_HEAP = 64;

let server: AttackedServer;

afterAll(() => server.dispose());

// Runs alone: on a busy machine answers are read slowly, and what waits for their readers counts as well.
describe("[I9] memory is bounded in bytes", () => {
  test("by those who ask for all of it fifteen times a second", async () => {
    server = await AttackedServer.start(LARGE, { mostHeap: MOST_HEAP });
    const resident = (): Promise<number> => residentBytes(server.pid);
    await ask(server.target, { path: pathOf(server.target) });
    const before = await resident();
    let most = 0;
    const asked: Promise<number>[] = [];
    for (let i = 0; i < 30; i++) {
      asked.push(ask(server.target, { path: pathOf(server.target) }));
      await wait(67);
      most = Math.max(most, await resident());
    }
    const late = wait(20_000).then((): number[] => [0]);
    const statuses = new Set(await Promise.race([Promise.all(asked), late]));
    most = Math.max(most, await resident());
    console.log(`30 GETs: ${Math.round((most - before) / MB)} MB at most; answered`, statuses);
    expect(statuses).toContain(200);
    expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(most - before).toBeLessThan(60 * MB);
  });
});
