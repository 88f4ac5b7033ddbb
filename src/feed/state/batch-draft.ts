import type { UpdateIssue } from "../../protocol/codes.ts";
import { TextPatch } from "../../protocol/text-patch.ts";
import { readOwnJson, utf8Length } from "../../protocol/json.ts";
import { isAscii, ownText } from "../../protocol/json-scan.ts";
import { LIMITS, SERVER_LIMITS, type FeedLimits } from "../../protocol/limits.ts";
import type { Entries } from "./entries.ts";
import { bytesOf, memoryOf, type Entry, type EntryState } from "./entry.ts";
import { expiryOf } from "./expiry.ts";
import type { ValueCheck } from "./feed-rules.ts";
import type { AcceptedUpdate } from "./accepted-update.ts";

/** What one key becomes when the batch is applied. */
type EntryDraft = { -readonly [Name in keyof EntryState]: EntryState[Name] } & {
  /** The entry or tombstone as it is. */
  readonly before: Entry | undefined;
  /** The patches of the batch for this key, gathered: `text` is the value without them. */
  patch: TextPatch | undefined;
  /** Whether `text` is a part of an update's text and must become a string of its own. */
  isPart: boolean;
  /** Index in the batch of the key's last update, and what that one does. */
  index: number;
  change: AcceptedUpdate["change"];
};

/**
 * A batch worked out beside the feed, so that it can still be refused as a whole: nothing of the feed changes before
 * `apply`. The patches of one key are gathered and written into its value once.
 */
export class BatchDraft {
  readonly #entries: Entries;
  /** In the order of the last update of each key. */
  readonly #drafts = new Map<string, EntryDraft>();
  readonly #isNarrow: boolean;

  /** `isNarrow`: the texts of all updates are ASCII, and are not parts of longer strings. */
  constructor(entries: Entries, isNarrow: boolean) {
    this.#entries = entries;
    this.#isNarrow = isNarrow;
  }

  /** A key's state after the updates added so far. */
  stateOf(key: string): EntryState | undefined {
    return this.#drafts.get(key) ?? this.#entries.recall(key);
  }

  /** Adds the next update. `index`: in the batch. `now`: milliseconds since 1970. */
  add(update: AcceptedUpdate, index: number, now: number): void {
    const { key, change, version, ttl } = update;
    let draft = this.#drafts.get(key);
    // Set again, so that it comes last.
    if (draft) this.#drafts.delete(key);
    else draft = draftOf(this.#entries.recall(key));
    this.#drafts.set(key, draft);
    draft.seq = update.seq;
    draft.index = index;
    draft.change = change;
    draft.time = update.time;
    if (version !== undefined) draft.version = version;
    draft.expires = ttl === undefined || change === "delete" ? undefined : expiryOf(now, ttl);
    if (change === "patch") {
      update.meetsEntry = draft.text !== undefined || draft.patch !== undefined;
      const text = this.#isNarrow ? update.valueText : ownText(update.valueText, false);
      draft.patch ??= new TextPatch();
      draft.patch.add(text);
      draft.isNarrow &&= this.#isNarrow || isAscii(text);
      return;
    }
    draft.patch = undefined;
    draft.text = change === "delete" ? undefined : update.valueText;
    draft.isNarrow = this.#isNarrow || draft.text === undefined || isAscii(draft.text);
    draft.isPart = true;
  }

  /** Computes the values. Returns what is wrong with those that would be there after the batch, at the last update of their keys. */
  computeValues(check?: ValueCheck): UpdateIssue[] {
    const issues: UpdateIssue[] = [];
    let checked = 0;
    for (const draft of this.#drafts.values()) {
      if (draft.isPart && draft.text !== undefined) draft.text = ownText(draft.text, this.#isNarrow);
      if (draft.patch) {
        applyPatch(draft, draft.patch);
        const bytes = draft.isNarrow ? (draft.text?.length ?? 0) : utf8Length(draft.text ?? "");
        if (bytes > LIMITS.valueBytes) {
          const message = `makes the value ${bytes} bytes long; ${LIMITS.valueBytes} are allowed`;
          issues.push({ index: draft.index, path: "patch", message });
          continue;
        }
      }
      if (!check || draft.text === undefined || issues.length >= LIMITS.reportedIssues) continue;
      checked += draft.text.length;
      if (checked > SERVER_LIMITS.checkedValues) return [tooMuchToCheck(draft)];
      issues.push(...issuesOf(draft, draft.text, check));
    }
    return issues.toSorted((a, b) => a.index - b.index).slice(0, LIMITS.reportedIssues);
  }

  /** Which limit of the feed the batch would exceed; undefined if none. A feed above a limit may still shrink. */
  overLimit(limits: FeedLimits): string | undefined {
    let keys = 0;
    let bytes = 0;
    for (const [key, draft] of this.#drafts) {
      const { before, text, isNarrow } = draft;
      if (before?.live) keys--;
      bytes -= before?.bytes ?? 0;
      if (text === undefined) continue;
      keys++;
      bytes += (before?.keyBytes ?? bytesOf(key)) + memoryOf(text, isNarrow);
    }
    if (keys > 0 && this.#entries.size + keys > limits.keys) return `The feed may have ${limits.keys} keys.`;
    if (bytes > 0 && this.#entries.bytes + bytes > limits.length) {
      return `The feed's keys and values may take ${limits.length} bytes together.`;
    }
    return undefined;
  }

  /** Applies the batch to the feed. Calls `onChanged` with each changed entry. */
  apply(onChanged: (entry: Entry) => void): void {
    for (const [key, draft] of this.#drafts) {
      const { before } = draft;
      // Deletions applied just before may have had this tombstone forgotten.
      const known = before?.live === false ? this.#entries.recall(key) : before;
      onChanged(this.#entries.put(key, draft, known));
    }
  }
}

function draftOf(before: Entry | undefined): EntryDraft {
  return {
    before,
    seq: 0,
    time: undefined,
    version: before?.version,
    expires: undefined,
    text: before?.text,
    isNarrow: before?.isNarrow ?? true,
    patch: undefined,
    isPart: false,
    index: 0,
    change: "delete",
  };
}

function tooMuchToCheck({ index, change }: EntryDraft): UpdateIssue {
  const message = `is more than the ${SERVER_LIMITS.checkedValues} characters of values that one batch may have checked: publish fewer at once`;
  return { index, path: change, message };
}

/** What is wrong with the value that a key would have, where the update that makes it has it. */
function issuesOf({ index, change }: EntryDraft, text: string, check: ValueCheck): UpdateIssue[] {
  return check(readOwnJson(text)).map(({ path, message }) => {
    const isItem = path === "" || path.startsWith("[");
    return { index, path: `${change}${isItem ? "" : "."}${path}`, message };
  });
}

/** Applies the gathered patches to the value. */
function applyPatch(draft: EntryDraft, patch: TextPatch): void {
  const text = patch.applyTo(draft.text);
  // The value may have lost its last character beyond ASCII.
  const isNarrowed = !draft.isNarrow && isAscii(text);
  draft.text = isNarrowed ? ownText(text, false) : text;
  draft.isNarrow ||= isNarrowed;
  draft.patch = undefined;
}
