import { expect, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import { ClosingServer } from "./support/closing-server.ts";
import { isLive } from "./support/feeds.ts";
import { until } from "./support/until.ts";

test("[I2] a close that the server has begun and never ends is not waited for", async () => {
  const position = { epoch: "e1", seq: 1 };
  const server = await ClosingServer.start(
    [
      { type: "hello", ...position },
      { type: "snapshot", ...position, reason: "initial", entries: { A: { n: 1 } } },
    ],
    1012,
    500,
  );
  const feed = connect(server.url, "closing");
  await isLive(feed);
  const began = Date.now();
  await until(
    () => server.connections === 2,
    () => `another connection; it is ${JSON.stringify(feed.status)}`,
  );
  // Half a second until the close, three until it counts as over, one until the next attempt.
  expect(Date.now() - began).toBeLessThan(6_000);
  feed.close();
  server.close();
});
