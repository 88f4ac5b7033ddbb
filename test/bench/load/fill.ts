import { Lane, type PublishEndpoint } from "./lane.ts";
import { batch } from "./updates.ts";

/** Fits the largest batch that a POST may hold, with values of a few hundred bytes. */
const FILL_BATCH = 1_000;
/** What a POST may hold, with room for what surrounds the values. */
const FILL_BYTES = 800_000;

/** Publishes `keys` keys, each once. */
export async function fill(endpoint: PublishEndpoint, keys: number, valueBytes: number): Promise<void> {
  const size = Math.min(FILL_BATCH, Math.floor(FILL_BYTES / (valueBytes + 100)));
  const lane = await Lane.open(endpoint);
  try {
    for (let first = 0; first < keys; first += size) {
      const status = await lane.post(batch(first, Math.min(size, keys - first), keys, valueBytes));
      if (status !== 200) throw new Error(`a POST answered ${status}`);
    }
  } finally {
    lane.close();
  }
}
