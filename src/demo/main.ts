import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Market } from "./market.ts";
import { Publisher } from "./publisher.ts";
import { seededRandom } from "./random.ts";

const HELP = `Publishes a made-up stock market to a Tickertape feed, until it is stopped.

  --url URL     the server                        http://127.0.0.1:8787
  --feed NAME   the feed to publish to            stocks
  --key KEY     a publish key                     $PUBLISH_KEY, which other users of the machine can't see
  --seed N      the same seed, the same market    a random one
  --rate N      updates a second, on average      40
  --help        this text
`;

/** How often what has happened on the market is published, in milliseconds. */
const TICK_MS = 100;
/** How long the last updates may take once told to stop, in milliseconds. */
const FLUSH_MS = 3_000;
const RATE_MAX = 10_000;

interface Options {
  feedUrl: string;
  key: string | undefined;
  seed: number;
  rate: number;
}

/** Reads the command line. Throws an `Error` that says what is wrong with it. */
function readOptions(): Options | "help" {
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
  if (values.help) return "help";
  const url = URL.parse(`v1/feeds/${encodeURIComponent(values.feed)}`, values.url.replace(/\/*$/, "/"));
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new Error(`--url is not an http address: ${values.url}`);
  }
  const rate = Number(values.rate);
  if (!(rate > 0 && rate <= RATE_MAX)) throw new Error(`--rate is not between 0 and ${RATE_MAX}: ${values.rate}`);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error(`--seed is not a whole number: ${values.seed}`);
  // An empty key, as an unset variable in a shell gives it, is none.
  return {
    feedUrl: url.href,
    key: (values.key ?? process.env["PUBLISH_KEY"]) || undefined,
    seed,
    rate,
  };
}

/** Ends early, and not as a failure, when the signal aborts. */
const sleep = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {});

/** Publishes until stopped. Returns the exit code. */
async function publish({ feedUrl, key, seed, rate }: Options): Promise<number> {
  const closing = new AbortController();
  const giveUp = new AbortController();
  const market = new Market({ random: seededRandom(seed), rate, start: Date.now() });
  const publisher = new Publisher(
    { url: feedUrl, key },
    { fetch, now: Date.now, random: Math.random, sleep, newKey: randomUUID },
    {
      away: (reason) => console.error(`Demo publisher: the server takes nothing (${reason}); trying again.`),
      back: () => console.error("Demo publisher: the server is back."),
      reset: () => market.reopen(),
    },
  );
  const stop = () => {
    // A second signal means it.
    if (closing.signal.aborted) giveUp.abort();
    closing.abort();
    publisher.close();
    setTimeout(() => giveUp.abort(), FLUSH_MS).unref();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  // Started by another program that is gone now: nobody is left to stop it.
  process.on("disconnect", stop);

  const publishing = publisher.run(giveUp.signal).finally(() => closing.abort());
  console.log(`Demo publisher: about ${rate} updates a second to ${feedUrl} (seed ${seed}).`);
  while (!closing.signal.aborted) {
    publisher.add(market.advance(Date.now()));
    await sleep(TICK_MS, closing.signal);
  }
  const ending = await publishing;
  if (ending.type === "refused") {
    console.error(`Demo publisher: ${feedUrl} refused the updates: ${ending.reason}`);
    if (ending.reason.startsWith("401") || ending.reason.startsWith("403")) {
      console.error("PUBLISH_KEY or --key has to be one of the server's publish keys.");
    }
    return 1;
  }
  if (ending.type === "stopped" && ending.undelivered > 0) {
    console.error(`Demo publisher: stopped with ${ending.undelivered} updates not acknowledged.`);
  }
  return 0;
}

try {
  const options = readOptions();
  if (options === "help") process.stdout.write(HELP);
  else process.exit(await publish(options));
} catch (error) {
  console.error(`Demo publisher: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}
