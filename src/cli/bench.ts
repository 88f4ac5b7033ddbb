import { randomUUID } from "node:crypto";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type Feed } from "../client/index.ts";
import { createPublisher } from "../publisher/index.ts";
import { EXIT, Failure, notServed, UsageError, type ExitCode } from "./failure.ts";
import { print, say, stopSignal } from "./output.ts";
import { isLoopback, keyFor, namedToken, serverUrl } from "./server.ts";
import { provideWebSocket } from "./web-socket.ts";

export interface BenchOptions {
  readonly token?: string | undefined;
  readonly adminKey?: string | undefined;
  readonly feedPrefix: string;
  readonly subscribers: number;
  readonly rate: number;
  readonly seconds: number;
  readonly json?: true | undefined;
  readonly yes?: true | undefined;
}

/** Keys that the updates go to in turn: fewer would be merged before they are sent. */
const KEYS = 50;
/** Milliseconds until all subscribers are connected, and until they have what was published last. */
const PATIENCE_MS = 15_000;

interface Sample {
  readonly n: number;
  readonly sent: number;
}

/** What was measured. Delays are in milliseconds. */
interface Figures {
  readonly published: number;
  readonly delivered: number;
  readonly merged: number;
  readonly seconds: number;
  readonly receipt: Delays;
  readonly delivery: Delays;
}

interface Delays {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Publishes to a feed of its own at a steady rate, watches it, and says how long that took. */
export async function bench(address: string | undefined, options: BenchOptions): Promise<ExitCode> {
  const url = serverUrl(address);
  if (!isLoopback(url) && !options.yes) {
    const updates = options.rate * options.seconds;
    throw new UsageError(
      `${url} is not this machine: ${updates} updates to ${options.subscribers} subscribers cost what its owner pays. Say --yes if that is you.`,
    );
  }
  const token = namedToken(options.token);
  const key = token ?? keyFor(url, "PUBLISH_KEY") ?? keyFor(url, "ADMIN_KEY");
  if (key === undefined)
    throw new Failure("Publishing needs a credential: --token, TICKERTAPE_TOKEN, or PUBLISH_KEY in the environment.");
  await provideWebSocket();
  const stop = stopSignal();
  const name = `${options.feedPrefix}${randomUUID()}`;
  const feeds = Array.from({ length: options.subscribers }, () => connect<Sample>(url, name, { token }));
  const publisher = createPublisher({ url, feed: name, key, giveUpAfter: PATIENCE_MS });
  try {
    await allLive(feeds, () => notServed(url, options.feedPrefix));
    const figures = await measure(feeds, publisher, options, stop);
    await (options.json ? print(JSON.stringify(figures)) : printFigures(figures, options));
    return stop.aborted ? EXIT.interrupted : EXIT.ok;
  } finally {
    for (const feed of feeds) feed.close();
    await publisher.close({ signal: AbortSignal.abort() }).catch(() => {});
    await forget(url, name, options.adminKey ?? keyFor(url, "ADMIN_KEY"));
  }
}

async function allLive(feeds: readonly Feed<Sample>[], explain: () => string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (feeds.some(({ state }) => state !== "live")) {
    const failed = feeds.find(({ state }) => state === "closed" || Date.now() > deadline);
    if (failed?.status.code === 404 || failed?.status.code === 4404) throw new Failure(explain());
    if (failed) throw new Failure(`A subscriber could not connect: ${failed.status.reason}`);
    await wait(10);
  }
}

async function measure(
  feeds: readonly Feed<Sample>[],
  publisher: ReturnType<typeof createPublisher>,
  { rate, seconds }: BenchOptions,
  stop: AbortSignal,
): Promise<Figures> {
  const receipts = createHistogram();
  const deliveries = createHistogram();
  let delivered = 0;
  for (const feed of feeds)
    feed.on("change", (changes) => {
      for (const { value } of changes) {
        if (!value) continue;
        delivered++;
        record(deliveries, performance.now() - value.sent);
      }
    });
  const began = performance.now();
  const total = Math.round(rate * seconds);
  const failed = new AbortController();
  let last = 0;
  let n = 0;
  for (; n < total && !stop.aborted && !failed.signal.aborted; n++) {
    // By the clock, so that a late timer is made up for.
    const ahead = began + (n * 1_000) / rate - performance.now();
    if (ahead > 1) await wait(ahead, undefined, { signal: stop }).catch(() => {});
    await publisher.ready();
    const sent = performance.now();
    publisher.publish({ key: `k${n % KEYS}`, set: { n, sent } }).then(
      ({ seq }) => {
        last = Math.max(last, seq);
        record(receipts, performance.now() - sent);
      },
      () => failed.abort(),
    );
  }
  await publisher.flush();
  const took = (performance.now() - began) / 1_000;
  await caughtUp(feeds, last);
  const merged = feeds.reduce((sum, { counters }) => sum + counters.skipped, 0);
  return {
    published: n,
    delivered,
    merged,
    seconds: took,
    receipt: delaysOf(receipts),
    delivery: delaysOf(deliveries),
  };
}

/** Waits until each subscriber has what was published last. */
async function caughtUp(feeds: readonly Feed<Sample>[], seq: number): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  const isBehind = ({ position = "" }: Feed<Sample>): boolean => Number(position.split(":")[1]) < seq;
  while (feeds.some(isBehind)) {
    const behind = feeds.filter(isBehind).length;
    if (Date.now() > deadline) throw new Failure(`${behind} of ${feeds.length} subscribers did not get all there is.`);
    await wait(10);
  }
}

/** In microseconds: histograms hold whole numbers. */
function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1_000)));
}

/** Of microseconds, with two decimals. */
const milliseconds = (us: number): number => Math.round(us / 10) / 100;

function delaysOf(histogram: RecordableHistogram): Delays {
  if (histogram.count === 0) return { p50: 0, p90: 0, p99: 0, max: 0 };
  const [p50, p90, p99] = [50, 90, 99].map((share) => milliseconds(histogram.percentile(share)));
  return { p50: p50 ?? 0, p90: p90 ?? 0, p99: p99 ?? 0, max: milliseconds(histogram.max) };
}

async function printFigures(figures: Figures, { subscribers }: BenchOptions): Promise<void> {
  const { published, delivered, merged, seconds, receipt, delivery } = figures;
  const rate = (count: number): string => (count / seconds).toFixed(count / seconds < 100 ? 1 : 0);
  await print(`published  ${published} updates in ${seconds.toFixed(1)} s, ${rate(published)} a second`);
  const skipped = merged > 0 ? `, ${merged} merged into others` : "";
  await print(`delivered  ${delivered} to ${subscribers} subscribers, ${rate(delivered)} a second${skipped}`);
  await print("");
  await print("delay in ms      p50      p90      p99      max");
  for (const [name, delays] of Object.entries({ receipt, delivery })) {
    const cells = [delays.p50, delays.p90, delays.p99, delays.max].map((ms) => ms.toFixed(1).padStart(9));
    await print(`${name.padEnd(11)}${cells.join("")}`);
  }
}

/** Removes the feed, where that is allowed. */
async function forget(url: string, name: string, key: string | undefined): Promise<void> {
  const init = {
    method: "DELETE",
    headers: { Authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  const status =
    key === undefined
      ? 0
      : await fetch(`${url}/v1/feeds/${name}?forget=true`, init).then(
          ({ status }) => status,
          () => 0,
        );
  // 404: it has never been.
  if (status !== 200 && status !== 404) say(`The feed ${name} is left: removing it needs an ADMIN_KEY.`);
}
