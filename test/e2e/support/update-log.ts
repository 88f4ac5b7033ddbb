import { isDeepStrictEqual } from "node:util";
import { get, type Snapshot } from "./api.ts";
import { traceOf, type Batch } from "./publisher.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { applyUpdate, View, type Message } from "../../support/view.ts";

/**
 * Every update of a feed by its seq, as a `mode=all` subscriber of everything received them. Such a subscriber is
 * shown each update that a seq was given to, so that the updates of a message fill its seqs exactly.
 */
export class UpdateLog {
  readonly updates = new Map<number, Update>();
  readonly faults: string[] = [];
  /** By its seq, the message that an update came in. */
  readonly #messages = new Map<number, number>();

  constructor(messages: readonly Message[]) {
    for (const [message, { type, from = 0, seq = 0, updates = [] }] of messages.entries()) {
      if (type !== "update") continue;
      if (seq - from !== updates.length) this.faults.push(`${updates.length} updates from ${from} to ${seq}`);
      for (const [i, update] of updates.entries()) {
        const at = from + 1 + i;
        if (this.updates.has(at)) this.faults.push(`seq ${at} came twice`);
        this.updates.set(at, update);
        this.#messages.set(at, message);
      }
    }
    for (let seq = 1; seq <= this.updates.size; seq++) if (!this.updates.has(seq)) this.faults.push(`no seq ${seq}`);
  }

  /** What the entries are once every update is applied. */
  entries(): Record<string, JsonObject> {
    const entries = new Map<string, JsonObject>();
    for (const update of this.updates.values()) applyUpdate(entries, update);
    return Object.fromEntries(entries);
  }

  /** Says what became of the batches that should not have: acknowledged ones lost, others seen in part, any seen twice. */
  check(batches: readonly Batch[]): string[] {
    const faults: string[] = [];
    const seqs = new Map<string, number>();
    for (const [seq, update] of this.updates) {
      const trace = traceOf(update);
      if (seqs.has(trace)) faults.push(`${trace} is there twice, at ${seqs.get(trace)} and ${seq}`);
      seqs.set(trace, seq);
    }
    for (const { updates, receipt } of batches) {
      const traces = updates.map(traceOf);
      const found = traces.map((trace) => seqs.get(trace));
      for (const trace of traces) seqs.delete(trace);
      const first = receipt ? receipt.seq - updates.length + 1 : found[0];
      const expected = first === undefined ? found.map(() => undefined) : updates.map((_, i) => first + i);
      if (!isDeepStrictEqual(found, expected)) {
        faults.push(
          `${receipt ? "acknowledged" : "unanswered"} ${traces.join()} is at ${found.join()}, not ${expected.join()}`,
        );
      }
      if (new Set(found.map((seq) => this.#messages.get(seq ?? 0))).size > 1)
        faults.push(`${traces.join()} came in parts`);
      if (
        receipt &&
        !updates.every((update, i) => isDeepStrictEqual(this.updates.get(receipt.seq - updates.length + 1 + i), update))
      ) {
        faults.push(`${traces.join()} came with another content`);
      }
    }
    for (const trace of seqs.keys()) faults.push(`${trace} was never published`);
    return faults;
  }

  /**
   * Follows a subscriber message by message. Says where its view was not what the feed's entries of its selection were
   * at that seq: an error in between, which a later update would cover up, counts as much as one at the end.
   */
  follow(messages: readonly Message[], selects: (key: string) => boolean): string[] {
    const entries = new Map<string, JsonObject>();
    const view = new View();
    let at = 0;
    for (const message of messages) {
      view.receive(message);
      if ((message.type !== "update" && message.type !== "snapshot") || message.more) continue;
      for (const { seq = 0 } = view.position ?? {}; at < seq;) {
        const update = this.updates.get(++at);
        if (update && selects(update.key)) applyUpdate(entries, update);
      }
      if (isDeepStrictEqual(view.entries, entries)) continue;
      return [`at ${at} it had ${JSON.stringify(view.state())}, not ${JSON.stringify(Object.fromEntries(entries))}`];
    }
    return view.faults;
  }

  /** One key's updates as `history` tells them. */
  ofKey(key: string): { seq: number; update: Update }[] {
    return [...this.updates].filter(([, update]) => update.key === key).map(([seq, update]) => ({ seq, update }));
  }
}

/** All that `history` tells of a key, oldest first. `url` is the feed's. */
export async function readHistory(url: string, key: string): Promise<{ seq: number; update: Update }[]> {
  type Page = { updates: ({ seq: number; time: number } & Omit<Update, "key">)[]; more: boolean };
  const found: { seq: number; update: Update }[] = [];
  for (let before = ""; ; before = `&before=${found[0]?.seq}`) {
    const { updates, more } = await get<Page>(`${url}/history?key=${key}&limit=100${before}`);
    found.unshift(
      ...updates.map(({ seq, time, ...change }) => {
        // The time is the server's own where the publisher gave none, and only its deletions give one.
        const update = { key, ...change, ...("delete" in change && { time }) } as Update;
        return { seq, update };
      }),
    );
    if (!more) return found;
  }
}

/** Acknowledged values that a snapshot no longer has. Each key has one publisher, which counts up. */
export function lostFrom({ entries, seq }: Snapshot, batches: readonly Batch[]): string[] {
  const lost: string[] = [];
  for (const { updates, receipt } of batches) {
    if (!receipt) continue;
    if (receipt.seq > seq) lost.push(`seq ${receipt.seq} was acknowledged, the feed is at ${seq}`);
    for (const update of updates) {
      // The third key of a publisher comes and goes; the log accounts for it.
      if ("delete" in update || update.key.endsWith(".gone")) continue;
      const n = Number(("set" in update ? update.set : update.patch)["n"]);
      if (!(Number(entries[update.key]?.["n"]) >= n)) lost.push(`${traceOf(update)} is lost`);
    }
  }
  return lost;
}
