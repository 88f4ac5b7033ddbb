import { exceedsBytes, utf8Length, type JsonObject } from "../protocol/json.ts";
import type { UpdateIssue } from "../protocol/codes.ts";
import { LIMITS, type FeedLimits } from "../protocol/limits.ts";
import type { Update } from "../protocol/update.ts";
import type { Entries } from "./entries.ts";
import type { Entry } from "./entry.ts";
import { applyMergePatch } from "../protocol/merge-patch.ts";

/** What one key will be once the batch is applied. */
interface Draft {
  live: boolean;
  value: JsonObject | undefined;
  lengthBound: number;
  measured: number;
  seq: number;
  time: number | undefined;
  version: number | undefined;
  expires: number | undefined;
}

/**
 * A batch worked out beside the feed, so that it can still be refused as a whole. Nothing of the feed changes
 * before `apply`.
 */
export class Batch {
  readonly #entries: Entries;
  /** In order of each key's last change. */
  readonly #drafts = new Map<string, Draft>();

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** Whether the source has already given this key a version that is not below the update's. */
  isStale(update: Update): boolean {
    const last = this.#known(update.key)?.version;
    return update.version !== undefined && last !== undefined && update.version <= last;
  }

  /** Adds one update, after those added before. `length` is of its JSON text, `now` in milliseconds since 1970. */
  add(update: Update, seq: number, length: number, now: number): Omit<UpdateIssue, "index"> | undefined {
    const before = this.#known(update.key);
    const draft: Draft = {
      live: !("delete" in update),
      value: undefined,
      lengthBound: length,
      measured: length,
      seq,
      time: update.time,
      version: update.version ?? before?.version,
      expires: update.ttl === undefined || "delete" in update ? undefined : now + update.ttl * 1000,
    };
    if ("set" in update) draft.value = update.set;
    if ("patch" in update) {
      draft.value = applyMergePatch(before?.value, update.patch);
      // A patch that creates its entry was measured when it was decoded.
      if (before?.live) {
        const problem = measure(draft, draft.value, before.lengthBound + length, before.measured);
        if (problem !== undefined) return { path: "patch", message: problem };
      }
    }
    // Set anew, so that the map's order is the order of the last change.
    this.#drafts.delete(update.key);
    this.#drafts.set(update.key, draft);
    return undefined;
  }

  /** Says which limit of the feed the batch would break, or nothing. A feed over a limit may still shrink. */
  overLimit(limits: FeedLimits): string | undefined {
    let keys = 0;
    let length = 0;
    for (const [key, draft] of this.#drafts) {
      const before = this.#entries.get(key);
      if (before) {
        keys--;
        length -= before.lengthBound + key.length;
      }
      if (draft.live) {
        keys++;
        length += draft.lengthBound + key.length;
      }
    }
    if (keys > 0 && this.#entries.size + keys > limits.keys) return `The feed may have ${limits.keys} keys.`;
    if (length > 0 && this.#entries.lengthBound + length > limits.length) {
      return `The feed's values may have ${limits.length} characters together.`;
    }
    return undefined;
  }

  /** Carries the batch out. `onExpires` is told of every key that now has a time to die. */
  apply(onExpires: (at: number, key: string) => void): void {
    for (const [key, draft] of this.#drafts) {
      this.#entries.touch(key, draft.seq, (entry) => {
        if (draft.value) entry.setValue(draft.value, draft.lengthBound, draft.measured);
        else entry.clearValue();
        entry.time = draft.time;
        entry.version = draft.version;
        entry.expires = draft.expires;
      });
      if (draft.expires !== undefined) onExpires(draft.expires, key);
    }
  }

  #known(key: string): Draft | Entry | undefined {
    return this.#drafts.get(key) ?? this.#entries.recall(key);
  }
}

/**
 * Bounds the length of a patched value. Patches add up though the value may not grow: once the bound is twice what
 * was last measured, or near the limit, the value is written out and measured again. So measuring costs about as
 * much as the patches themselves, and no bound is far from the truth.
 */
function measure(draft: Draft, value: JsonObject, bound: number, measured: number): string | undefined {
  draft.lengthBound = bound;
  draft.measured = measured;
  if (bound <= 2 * measured + 64 && bound * 3 <= LIMITS.valueBytes) return undefined;
  const text = JSON.stringify(value);
  draft.lengthBound = text.length;
  draft.measured = text.length;
  return exceedsBytes(text, LIMITS.valueBytes)
    ? `makes the value ${utf8Length(text)} bytes long; ${LIMITS.valueBytes} are allowed`
    : undefined;
}
