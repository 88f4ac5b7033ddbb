import { randomInt } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createPublisher, PublishRefusedError, type PublisherStatus } from "../publisher/index.ts";
import { Market } from "./market.ts";
import { seededRandom } from "./random.ts";
import { Tape } from "./tape.ts";

const HELP = `Publishes a made-up stock market to a Tickertape feed, until it is stopped.

  --url URL     the server                        http://127.0.0.1:8787
  --feed NAME   the feed to publish to            stocks
  --key KEY     a publish key                     $PUBLISH_KEY, which other users of the machine can't see
  --seed N      the same seed, the same market    a random one
  --rate N      updates a second, on average      40
  --help        this text
`;

/** Milliseconds between two batches. */
const TICK_MS = 100;
/** Milliseconds that the last updates may take after a signal to stop. */
const FLUSH_MS = 3_000;
const RATE_MAX = 10_000;

/** Reads the command line: undefined for `--help`. Throws an `Error` that says what is wrong with it. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "http://127.0.0.1:8787" },
      feed: { type: "string", default: "stocks" },
      key: { type: "string" },
      seed: { type: "string" },
      rate: { type: "string", default: "40" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const { url, feed } = values;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) throw new Error(`--url is not an http address: ${url}`);
  const rate = Number(values.rate);
  if (!(rate > 0 && rate <= RATE_MAX)) throw new Error(`--rate is not between 0 and ${RATE_MAX}: ${values.rate}`);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed is not a whole number: ${values.seed}`);
  // An unset variable in a shell gives an empty key.
  return { url, feed, key: (values.key ?? process.env["PUBLISH_KEY"]) || undefined, seed, rate };
}

/** Ends early, and not as a failure, when the signal aborts. */
const sleep = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {});

/** Reports once when the server stops answering, and once when it is back. */
function announcer(): (status: PublisherStatus) => void {
  let away = false;
  return (status) => {
    if (status.state === "away" && !away) {
      console.error(`Demo publisher: the server takes nothing (${status.reason}); trying again.`);
    } else if (status.state === "delivering" && away) console.error("Demo publisher: the server is back.");
    away = status.state === "away";
  };
}

/** Publishes until stopped. Returns the exit code. */
async function publish({ url, feed, key, seed, rate }: NonNullable<ReturnType<typeof readOptions>>): Promise<number> {
  const closing = new AbortController();
  const giveUp = new AbortController();
  const market = new Market({ random: seededRandom(seed), rate, start: Date.now() });
  const publisher = createPublisher({ url, feed, key, conflate: true, onStatus: announcer() });
  const tape = new Tape(market, publisher, () => closing.abort());
  const stop = () => {
    // A second signal ends it at once.
    if (closing.signal.aborted) giveUp.abort();
    closing.abort();
    setTimeout(() => giveUp.abort(), FLUSH_MS).unref();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  // The program that started this one is gone, and cannot stop it any more.
  process.on("disconnect", stop);

  console.log(`Demo publisher: about ${rate} updates a second to ${feed} at ${url} (seed ${seed}).`);
  while (!closing.signal.aborted) {
    tape.tick(Date.now());
    await sleep(TICK_MS, closing.signal);
  }
  try {
    const { length } = await publisher.close({ signal: giveUp.signal });
    if (length > 0) console.error(`Demo publisher: stopped with ${length} updates not acknowledged.`);
  } catch (error) {
    if (!(error instanceof PublishRefusedError)) throw error;
    console.error(`Demo publisher: ${url} refused the updates: ${error.message}`);
    if (error.status === 401 || error.status === 403) {
      console.error("PUBLISH_KEY or --key has to be one of the server's publish keys.");
    }
    return 1;
  }
  return 0;
}

try {
  const options = readOptions();
  if (options === undefined) process.stdout.write(HELP);
  else process.exit(await publish(options));
} catch (error) {
  console.error(`Demo publisher: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}
