import { rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BINDINGS, publish } from "./support/api.ts";
import { makeClockSettable } from "./support/settable-clock.ts";
import { Subscriber } from "./support/subscriber.ts";
import { until } from "./support/until.ts";
import { buildWorker, Workerd } from "./support/workerd.ts";

let build: string;
let workerd: Workerd;

beforeAll(async () => {
  build = await buildWorker();
  await makeClockSettable(build);
  workerd = await Workerd.start({ build, bindings: BINDINGS });
});
afterAll(async () => {
  await workerd.dispose();
  await rm(build, { recursive: true, force: true });
});

test.each(["", "hz=10", "mode=all"])(
  "[I2] a clock that is set back delays nothing that is sent (%s)",
  async (query) => {
    const url = `${workerd.url}/v1/feeds/clock${query.replace("=", "-")}`;
    await fetch(`${workerd.url}/clock`, { method: "POST", body: "0" });
    await publish(url, { key: "A", set: { n: 0 } });
    const subscribers = Array.from({ length: 20 }, () => new Subscriber(url, query));
    await Promise.all(subscribers.map((subscriber) => subscriber.reaches(1)));
    let seq = 0;
    for (let n = 1; n <= 200; n++) {
      if (n === 150) await fetch(`${workerd.url}/clock`, { method: "POST", body: "-20000" });
      ({ seq } = await publish(url, { key: "A", set: { n } }));
    }
    const set = performance.now();
    await until(() => subscribers.every(({ view }) => view.position?.seq === seq), "the last update", { ms: 30_000 });
    expect(performance.now() - set).toBeLessThan(5_000);
    for (const subscriber of subscribers) subscriber.close();
  },
);
