import { randomUUID } from "node:crypto";
import { post, type Receipt } from "./api.ts";
import type { Update } from "../../../src/protocol/update.ts";

export interface Batch {
  readonly updates: readonly Update[];
  readonly idempotencyKey: string | undefined;
  /** Nothing while it is not known whether the server took it. */
  receipt?: Receipt;
}

/**
 * One publisher that owns its keys and counts up: each update carries its number, so that it can be told apart
 * wherever it shows up. One request at a time.
 */
export class Publisher {
  readonly batches: Batch[] = [];
  readonly faults: string[] = [];
  readonly #url: string;
  readonly #name: string;
  #count = 0;

  /** `url` is the feed's. */
  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  get acknowledged(): Batch[] {
    return this.batches.filter(({ receipt }) => receipt);
  }

  /** Publishes until `stopped`, or until the server is gone. A batch without an answer is sent again first. */
  async run(stopped: () => boolean): Promise<void> {
    const last = this.batches.at(-1);
    if (last?.idempotencyKey !== undefined && !last.receipt && !(await this.#send(last))) return;
    while (!stopped()) {
      const batch = this.#next();
      this.batches.push(batch);
      if (!(await this.#send(batch))) return;
    }
  }

  /** Sends a batch again that the server has acknowledged: it must get the first receipt again. */
  async repeat(): Promise<void> {
    const batch = this.acknowledged.findLast(({ idempotencyKey }) => idempotencyKey !== undefined);
    if (!batch) return;
    const response = await this.#post(batch);
    const receipt: unknown = await response.json();
    if (JSON.stringify(receipt) !== JSON.stringify(batch.receipt)) {
      this.faults.push(`${JSON.stringify(batch.receipt)} became ${JSON.stringify(receipt)} when repeated`);
    }
    if (response.headers.get("Idempotency-Replayed") !== "true") this.faults.push("a repeat is not marked as replayed");
  }

  /** Whether the server answered. */
  async #send(batch: Batch): Promise<boolean> {
    try {
      const response = await this.#post(batch);
      const text = await response.text();
      if (response.status === 200) batch.receipt = JSON.parse(text);
      else this.faults.push(`${response.status}: ${text}`);
      return true;
    } catch {
      return false;
    }
  }

  #post({ updates, idempotencyKey }: Batch): Promise<Response> {
    const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey };
    return post(this.#url, updates.length === 1 ? updates[0] : updates, headers);
  }

  #next(): Batch {
    const n = ++this.#count;
    const [a, b, gone] = ["a", "b", "gone"].map((key) => `${this.#name}.${key}`) as [string, string, string];
    // Of varying length, so that over a few rounds the server also moves its journal on now and then.
    const pad = "x".repeat(Math.random() * 600);
    const kinds: Update[][] = [
      [{ key: a, set: { n, pad } }],
      [{ key: a, patch: { n, pad: null, deep: { n } } }],
      // A deletion has no value to carry its number in; the time of its source comes back unchanged.
      [{ key: gone, delete: true, time: n }],
      [
        { key: a, patch: { n } },
        { key: b, set: { n, pad } },
        { key: gone, set: { n } },
      ],
      [
        { key: b, patch: { n, pad } },
        { key: gone, delete: true, time: n },
        { key: a, set: { n } },
      ],
    ];
    const updates = kinds[Math.floor(Math.random() * kinds.length)] ?? [];
    return { updates, idempotencyKey: Math.random() < 0.4 ? randomUUID() : undefined };
  }
}

/** What an update is recognised by: no two of all publishers have the same. */
export function traceOf(update: Update): string {
  const n = "set" in update ? update.set["n"] : "patch" in update ? update.patch["n"] : update.time;
  return `${update.key}#${JSON.stringify(n)}`;
}
