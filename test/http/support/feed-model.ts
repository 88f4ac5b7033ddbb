import { expect } from "vitest";
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Receipt } from "../../../src/protocol/server-messages.ts";
import type { Position } from "../../../src/protocol/position.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { applyUpdate, cutTo, cutUpdateTo, isWanted } from "../../support/view.ts";
import type { Selected } from "./steps.ts";

interface Recorded {
  readonly seq: number;
  readonly update: Update;
  /** Whether it makes its entry. */
  readonly isNew: boolean;
}

/** A feed from its beginning, or from a reset, to the next. */
export interface Era {
  readonly epoch: string;
  readonly log: Recorded[];
  /** The entries by seq, for each seq at which anyone may see the feed: not between the updates of one batch. */
  readonly states: Map<number, Readonly<Record<string, JsonObject>>>;
}

/** What a feed is by what was published to it and acknowledged, worked out apart from the feed. */
export class FeedModel {
  readonly eras: Era[] = [];
  #versions = new Map<string, number>();
  /** Seconds that entries have to live, by key. All end with the next `expire`. */
  #expiring = new Map<string, number>();

  get present(): Position | undefined {
    const era = this.eras.at(-1);
    return era && { epoch: era.epoch, seq: seqOf(era) };
  }

  /** What everyone may see now of a selection. */
  entries(selected: Selected): Record<string, JsonObject> {
    const era = this.eras.at(-1);
    return era ? restrict(era.states.get(seqOf(era))!, selected) : {};
  }

  /** The seq of the last update that concerns a selection. */
  lastSeqOf(selected: Selected): number {
    return this.eras.at(-1)?.log.findLast((recorded) => selectedOf(recorded, selected))?.seq ?? 0;
  }

  /** Whether any of these updates concerns a selection, if they are published now. */
  concerns(updates: readonly Update[], selected: Selected): boolean {
    const era = this.eras.at(-1);
    const state = era?.states.get(seqOf(era)) ?? {};
    return updates.some((update) => selectedOf({ seq: 0, update, isNew: !(update.key in state) }, selected));
  }

  begin(epoch: string): void {
    expect(this.eras.map((era) => era.epoch)).not.toContain(epoch);
    this.eras.push({ epoch, log: [], states: new Map([[0, {}]]) });
    this.#versions.clear();
    this.#expiring.clear();
  }

  /** Batches that were published at the same time: only their receipts show the order. */
  take(published: readonly { updates: readonly Update[]; receipt: Receipt }[]): void {
    const inOrder = published.toSorted(
      (a, b) => a.receipt.seq - b.receipt.seq || b.receipt.accepted - a.receipt.accepted,
    );
    for (const { updates, receipt } of inOrder) {
      if (this.eras.length === 0) this.begin(receipt.epoch);
      const accepted = updates.filter((update) => this.#accepts(update));
      this.#append(accepted);
      const stale = updates.length - accepted.length;
      expect(receipt).toMatchObject({ ...this.present, accepted: accepted.length, stale });
    }
  }

  /** Every entry with a ttl has come to its end, those first that had less time. */
  expire(): void {
    const inOrder = [...this.#expiring].toSorted(([, a], [, b]) => a - b);
    this.#expiring.clear();
    this.#append(inOrder.map(([key]) => ({ key, delete: true })));
  }

  #accepts({ key, version }: Update): boolean {
    if (version === undefined) return true;
    if (version <= (this.#versions.get(key) ?? -Infinity)) return false;
    this.#versions.set(key, version);
    return true;
  }

  #append(updates: readonly Update[]): void {
    const era = this.eras.at(-1);
    if (!era || updates.length === 0) return;
    const state = new Map(Object.entries(era.states.get(seqOf(era)) ?? {}));
    for (const update of updates) {
      const { key, ttl } = update;
      this.#expiring.delete(key);
      const isNew = !state.has(key);
      applyUpdate(state, update);
      if (ttl !== undefined && !("delete" in update)) this.#expiring.set(key, ttl);
      era.log.push({ seq: seqOf(era) + 1, update, isNew });
    }
    era.states.set(seqOf(era), Object.fromEntries(state));
  }
}

function seqOf({ log }: Era): number {
  return log.at(-1)?.seq ?? 0;
}

export function restrict(
  entries: Readonly<Record<string, JsonObject>>,
  { keys, fields }: Selected,
): Record<string, JsonObject> {
  const wanted = Object.entries(entries).filter(([key]) => isWanted(keys, key));
  return Object.fromEntries(wanted.map(([key, value]) => [key, cutTo(value, fields)]));
}

/** What a selection has of an update; undefined if nothing. */
export function selectedOf({ update, isNew }: Recorded, { keys, fields }: Selected): Update | undefined {
  return isWanted(keys, update.key) ? cutUpdateTo(update, fields, isNew) : undefined;
}
