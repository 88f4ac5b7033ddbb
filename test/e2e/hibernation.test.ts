import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { publish, statsOf } from "./support/api.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";
import { Subscriber } from "./support/subscriber.ts";
import { until } from "./support/until.ts";

let server: SharedServer;

beforeAll(async () => {
  server = await sharedWorkerd();
});

/** workerd takes an idle object out of memory after ten seconds; no clock but the real one makes it. */
const IDLE_MS = 11_500;

describe("[I4] an idle feed hibernates with its sockets", () => {
  test("they stay connected, pings do not wake it, and updates go on where they left off", async () => {
    const url = `${server.url}/v1/feeds/idle`;
    await publish(url, { key: "A", set: { n: 1 } });
    const all = new Subscriber(url);
    const some = new Subscriber(url, "keys=B&mode=all");
    await Promise.all([all.reaches(1), some.reaches(1)]);
    // A timer that had stayed armed would keep the object in memory: this one goes through every window there is.
    for (let n = 2; n <= 10; n++) await publish(url, { key: "A", set: { n } });
    await all.reaches(10);
    const pinger = new WebSocket(url.replace("http", "ws"));
    let pongs = 0;
    pinger.addEventListener("message", ({ data }) => {
      if (data === "pong") pongs++;
    });
    await until(() => pinger.readyState === WebSocket.OPEN, "the connection");
    const before = (await statsOf(url)).started;

    const pinging = setInterval(() => pinger.send("ping"), 1000);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    clearInterval(pinging);
    await until(() => pongs >= 10, "the pongs");

    await publish(url, { key: "B", set: { n: 11 } });
    await Promise.all([all.reaches(11), some.reaches(11)]);
    expect((await statsOf(url)).started, "the object never left memory").toBeGreaterThan(before);
    expect([all.connected, some.connected]).toEqual([1, 1]);
    expect(some.view.messages.at(-1)).toMatchObject({ type: "update", from: 1, seq: 11 });
    for (const subscriber of [all, some]) subscriber.close();
    pinger.close();
  });
});
