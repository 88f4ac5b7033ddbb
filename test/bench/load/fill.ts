import { PublishConnection, type PublishEndpoint } from "./publish-connection.ts";
import { batch } from "./updates.ts";

/** The largest batch of a POST, if values have a few hundred bytes. */
const FILL_BATCH = 1_000;
/** Bytes of values in a POST, with room for what surrounds them. */
const FILL_BYTES = 800_000;

/** POSTs one body after the other. */
export async function postAll(endpoint: PublishEndpoint, bodies: Iterable<string>): Promise<void> {
  const connection = await PublishConnection.open(endpoint);
  try {
    for (const body of bodies) {
      const status = await connection.publish(body);
      if (status !== 200) throw new Error(`a POST answered ${status}`);
    }
  } finally {
    connection.close();
  }
}

/** Publishes `keys` keys, each once. */
export async function fill(endpoint: PublishEndpoint, keys: number, valueBytes: number): Promise<void> {
  const size = Math.min(FILL_BATCH, Math.floor(FILL_BYTES / (valueBytes + 100)));
  const bodies = bodiesOf(keys, size, (first, count) => batch(first, count, keys, valueBytes));
  await postAll(endpoint, bodies);
}

/** Publishes these updates, of a few hundred bytes each. */
export async function fillWith(endpoint: PublishEndpoint, updates: readonly string[]): Promise<void> {
  const text = (first: number, count: number): string => `[${updates.slice(first, first + count).join(",")}]`;
  await postAll(endpoint, bodiesOf(updates.length, FILL_BATCH, text));
}

function* bodiesOf(total: number, size: number, text: (first: number, count: number) => string): Generator<string> {
  for (let first = 0; first < total; first += size) yield text(first, Math.min(size, total - first));
}
