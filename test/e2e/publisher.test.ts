import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LanguageProcess } from "../publisher/one-file/driver.ts";
import { LANGUAGES } from "../publisher/one-file/languages.ts";
import { createPublisher, PublishRefusedError, type Receipt } from "../../src/publisher/index.ts";
import { PUBLISH_KEY, snapshot } from "./support/api.ts";
import { readHistory } from "./support/update-log.ts";
import { Server } from "./support/server.ts";
import { until } from "./support/until.ts";

/** How often the server is killed. */
const ROUNDS = Number(process.env["TICKERTAPE_ROUNDS"] ?? 3);

/** Well below what a publisher takes while nothing is taken from it. */
const MOST_PENDING = 5_000;

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.dispose());

test("the server killed in mid-stream over a socket, every update is there once, in order, and has its receipt; so it is with the publishers in one file", async () => {
  const publisher = createPublisher({
    url: server.url,
    feed: "stream",
    key: PUBLISH_KEY,
    batchUpdates: 20,
    timeout: 2_000,
  });
  const others = LANGUAGES.map(({ name, command }) => {
    const language = new LanguageProcess(command);
    const feed = name.toLowerCase();
    const options = { url: server.url, feed, key: PUBLISH_KEY, timeout: 2, whenFull: "wait" };
    return { language, feed, publisher: language.open(options) };
  });
  const receipts: Promise<Receipt>[] = [];
  let published = 0;
  let rounds = 0;
  const over = new AbortController();
  const stream = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await publisher.ready();
      // There is room for one by then, and a call has up to three.
      while (publisher.pending > MOST_PENDING) await wait(5);
      // Batches and single updates by turns, several calls to a batch.
      const size = 1 + (published % 3);
      const updates = Array.from({ length: size }, () => ({ key: "n", set: { n: ++published } }));
      receipts.push(publisher.publish(updates.length === 1 && updates[0] ? updates[0] : updates));
      for (const { publisher } of others) publisher.send({ key: "n", set: { n: rounds } });
      rounds++;
      if (published % 4 === 0) await wait(1);
    }
  };
  const streaming = stream();
  for (let round = 0; round < ROUNDS; round++) {
    const before = receipts.length;
    await receipts.at(-1);
    await until(() => receipts.length > before + 20, "publishing to go on");
    // The moment is random on purpose: the test waits for nothing.
    await wait(Math.random() * 200);
    await until(
      () => publisher.status.state === "delivering" && publisher.status.transport === "websocket",
      "a socket",
    );
    await server.kill();
    await until(() => publisher.status.state === "away", "the publisher to notice");
    await server.restart();
    await until(() => publisher.status.state === "delivering", "the publisher to come back");
  }
  over.abort();
  await streaming;
  expect(await publisher.close()).toEqual([]);
  for (const { publisher, feed, language } of others) {
    expect(await publisher.publish({ key: "n", set: { n: rounds } })).toMatchObject({ feed, seq: rounds + 1 });
    expect(await publisher.close()).toEqual([]);
    await language.end();
    const kept = await readHistory(`${server.url}/v1/feeds/${feed}`, "n");
    expect(kept.map(({ update }) => update)).toEqual(
      Array.from({ length: rounds + 1 }, (_, n) => ({ key: "n", set: { n } })),
    );
  }

  const { epoch, seq, entries } = await snapshot(`${server.url}/v1/feeds/stream`);
  for (const receipt of receipts) expect(await receipt).toMatchObject({ feed: "stream", epoch, stale: 0 });
  expect([seq, entries["n"]]).toEqual([published, { n: published }]);
  const kept = await readHistory(`${server.url}/v1/feeds/stream`, "n");
  expect(kept.map(({ update }) => update)).toEqual(
    Array.from({ length: published }, (_, i) => ({ key: "n", set: { n: i + 1 } })),
  );
});

test("the server's own refusals reach the caller concerned, and no other", async () => {
  const publisher = createPublisher({ url: server.url, feed: "refusals", key: PUBLISH_KEY });
  const good = [publisher.publish({ key: "A", set: { n: 1 } }), publisher.publish({ key: "B", patch: { n: 1 } })];
  const bad = publisher.publish([
    { key: "C", set: { n: 1 } },
    { key: "D,E", set: { n: 1 } },
  ]);
  good.push(publisher.publish({ key: "F", set: { text: "x".repeat(60_000) } }));
  await expect(bad).rejects.toMatchObject({ status: 422, code: "invalid_update", issues: [{ index: 1, path: "key" }] });
  await Promise.all(good);
  expect(Object.keys((await snapshot(`${server.url}/v1/feeds/refusals`)).entries)).toEqual(["A", "B", "F"]);

  const stranger = createPublisher({ url: server.url, feed: "refusals", key: "of another server" });
  await expect(stranger.publish({ key: "A", delete: true })).rejects.toBeInstanceOf(PublishRefusedError);
  expect(stranger.status).toMatchObject({ state: "closed", reason: expect.stringContaining("401 unauthorized") });
});
