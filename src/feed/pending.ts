import type { JsonObject } from "../protocol/json.ts";
import type { Mode } from "../protocol/messages.ts";
import { encodeUpdate } from "../protocol/update.ts";
import type { Entries } from "./entries.ts";
import { applyMergePatch, composeMergePatches } from "../protocol/merge-patch.ts";
import type { AcceptedUpdate } from "./record.ts";
import { encodeState } from "./resume.ts";

/** Updates that wait to be sent to one group of subscribers. */
export interface Pending {
  /** What is held in memory. */
  readonly size: number;
  /** Updates added since the last `clear`. */
  readonly added: number;
  add(accepted: AcceptedUpdate): void;
  /** What a subscriber who was last told `from` has to get, as canonical JSON. */
  after(from: number, entries: Entries): string[];
  clear(): void;
}

export function pendingOf(mode: Mode): Pending {
  return mode === "all" ? new PendingAll() : new PendingLatest();
}

/** `mode=all`: every update, in order. */
class PendingAll implements Pending {
  #updates: AcceptedUpdate[] = [];

  get size(): number {
    return this.#updates.length;
  }

  get added(): number {
    return this.#updates.length;
  }

  add(accepted: AcceptedUpdate): void {
    this.#updates.push(accepted);
  }

  after(from: number): string[] {
    return this.#updates.filter(({ seq }) => seq > from).map(({ text }) => text);
  }

  clear(): void {
    this.#updates = [];
  }
}

/** The updates of one key that wait together. */
interface Waiting {
  readonly first: AcceptedUpdate;
  last: AcceptedUpdate;
  count: number;
  /** What they do together, or "state" where only the key's present state can say it. */
  merged: AcceptedUpdate["update"] | "state";
}

/** `mode=latest`: one update a key, whatever came in. Holds at most one item a key. */
class PendingLatest implements Pending {
  readonly #byKey = new Map<string, Waiting>();
  #added = 0;

  get size(): number {
    return this.#byKey.size;
  }

  get added(): number {
    return this.#added;
  }

  add(accepted: AcceptedUpdate): void {
    this.#added++;
    const { key } = accepted.update;
    const waiting = this.#byKey.get(key);
    if (!waiting) {
      this.#byKey.set(key, { first: accepted, last: accepted, count: 1, merged: accepted.update });
      return;
    }
    waiting.merged = waiting.merged === "state" ? "state" : mergeUpdates(waiting.merged, accepted.update);
    waiting.last = accepted;
    waiting.count++;
  }

  after(from: number, entries: Entries): string[] {
    const updates: string[] = [];
    for (const [key, waiting] of this.#byKey) {
      if (waiting.last.seq <= from) continue;
      if (waiting.count === 1) {
        updates.push(waiting.last.text);
        continue;
      }
      // Whoever came in between these updates has some of them already, and is told the state instead.
      const whole = waiting.first.seq > from;
      const entry = entries.recall(key);
      updates.push(
        whole && waiting.merged !== "state"
          ? encodeUpdate(waiting.merged)
          : entry
            ? encodeState(entry)
            : waiting.last.text,
      );
    }
    return updates;
  }

  clear(): void {
    this.#byKey.clear();
    this.#added = 0;
  }
}

type Update = AcceptedUpdate["update"];

/** One update that does what `first` and then `second` do, or "state" where no merge patch can. */
function mergeUpdates(first: Update, second: Update): Update | "state" {
  if (!("patch" in second)) return second;
  const { patch: _, ...stamps } = second;
  if ("set" in first) return { ...stamps, set: applyMergePatch(first.set, second.patch) };
  if ("delete" in first) return { ...stamps, set: applyMergePatch(undefined, second.patch) };
  const patch: JsonObject | undefined = composeMergePatches(first.patch, second.patch);
  return patch ? { ...stamps, patch } : "state";
}
