import type { StorageCounts } from "../counting/counts.ts";
import type { Lab } from "../lab.ts";
import { clock, pause } from "../load/clock.ts";
import { storageCounts } from "../load/counts.ts";
import { Crowd } from "../load/crowd.ts";
import { fill } from "../load/fill.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { batch, update } from "../load/updates.ts";
import type { Case, Figures, Scenario } from "../scenario.ts";
import { publishEndpoint } from "../targets/tickertape.ts";

interface Pattern {
  readonly name: string;
  readonly load: Load;
  readonly updates: number;
  /**
   * Bytes of one value. They do not change how many rows a POST writes, but how soon the next checkpoint comes: slow
   * patterns publish large values, so that a case sees several checkpoints.
   */
  readonly valueBytes: number;
}

const PATTERNS: readonly Pattern[] = [
  { name: "one at a time", load: { inFlight: 1 }, updates: 1, valueBytes: 16_000 },
  { name: "16 in flight", load: { inFlight: 16 }, updates: 1, valueBytes: 2_000 },
  { name: "500/s", load: { rate: 500 }, updates: 1, valueBytes: 4_000 },
  { name: "100 a POST, one at a time", load: { inFlight: 1 }, updates: 100, valueBytes: 200 },
  { name: "100 a POST, 16 in flight", load: { inFlight: 16 }, updates: 100, valueBytes: 200 },
];
/** What a feed of small updates pays in all. It reaches about two checkpoints in the longest time. */
const SMALL: Pattern = { name: "500/s, values of 50 bytes", load: { rate: 500 }, updates: 1, valueBytes: 50 };
/** A flush to subscribers commits what waits, so more flushes mean more rows. */
const WATCHED: Pattern = { ...SMALL, name: "500/s, values of 50 bytes, 1,000 subscribers" };
const SUBSCRIBERS = 1_000;
const KEYS = [40, 10_000];
/** How many of the feed's keys a case changes. */
const CHANGED_KEYS = 40;
const FILLED_BYTES = 200;
/** A case ends after this many checkpoints, or after this many seconds. */
const CHECKPOINTS = 4;
const MOST_SECONDS = 15;
const WARM_UP_SECONDS = 1;
/** Milliseconds. */
const LOOK_EVERY = 200;

export const rows: Scenario = {
  name: "rows",
  about: "SQLite rows that publishing writes",
  async prepare(lab) {
    await lab.countingWorker();
    const cases = KEYS.flatMap((keys) =>
      PATTERNS.flatMap((pattern) => [rowsCase(lab, keys, pattern, false), rowsCase(lab, keys, pattern, true)]),
    );
    return [...cases, rowsCase(lab, CHANGED_KEYS, SMALL, false), rowsCase(lab, CHANGED_KEYS, WATCHED, false)];
  },
};

function rowsCase(lab: Lab, keys: number, pattern: Pattern, isIdempotent: boolean): Case {
  const name = `${keys.toLocaleString("en-US")} keys, ${pattern.name}${isIdempotent ? ", Idempotency-Key" : ""}`;
  return { name, run: () => measure(lab, keys, pattern, isIdempotent) };
}

async function measure(lab: Lab, keys: number, pattern: Pattern, isIdempotent: boolean): Promise<Figures> {
  const { load, updates, valueBytes } = pattern;
  const storage = await lab.folder("storage");
  const workerd = await lab.serve(await lab.countingWorker(), storage);
  const counts = (): Promise<StorageCounts> => storageCounts(workerd.port, "bench");
  const endpoint = publishEndpoint(workerd.port, "bench");
  const publisher = new Publisher(endpoint, (i) => ({
    body: updates === 1 ? update(i % CHANGED_KEYS, valueBytes) : batch(i * updates, updates, CHANGED_KEYS, valueBytes),
    idempotencyKey: isIdempotent ? `rows-${i}` : undefined,
  }));
  let crowd: Crowd | undefined;
  try {
    await fill(endpoint, keys, FILLED_BYTES);
    crowd =
      pattern === WATCHED
        ? await Crowd.open(lab, { port: workerd.port, path: "/v1/feeds/bench" }, SUBSCRIBERS)
        : undefined;
    // A feed that was quiet writes the first publishes one by one. That is over before counting begins.
    await publisher.publish(load, WARM_UP_SECONDS);
    const before = await counts();
    let isEnough = false;
    // Without a break: a break would be a quiet time again.
    const start = clock();
    const watch = async (): Promise<void> => {
      while (clock() < start + MOST_SECONDS * 1000 && !isEnough) {
        await pause(LOOK_EVERY);
        const { generation } = await counts();
        isEnough = generation >= before.generation + CHECKPOINTS && clock() > start + lab.seconds * 1000;
      }
    };
    const [{ posts, refused }] = await Promise.all([publisher.publish(load, MOST_SECONDS, () => isEnough), watch()]);
    if (refused > 0) throw new Error(`${refused} POSTs were refused`);
    const after = await counts();
    const written = after.rowsWritten - before.rowsWritten;
    const journal = after.journalRows - before.journalRows;
    const checkpoints = after.generation - before.generation;
    return {
      POSTs: posts,
      "rows/1,000 POSTs": (1000 * journal) / posts,
      "with checkpoints": (1000 * written) / posts,
      checkpoints,
      "rows/checkpoint": checkpoints === 0 ? NaN : (written - journal) / checkpoints,
    };
  } finally {
    publisher.close();
    await crowd?.close();
    await workerd.kill();
    await lab.discard(storage);
  }
}
