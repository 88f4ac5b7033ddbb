import type { UpdateIssue } from "../../protocol/codes.ts";
import { TextPatch } from "../../protocol/text-patch.ts";
import { utf8Length } from "../../protocol/json.ts";
import { isAscii, ownText } from "../../protocol/json-scan.ts";
import { LIMITS, type FeedLimits } from "../../protocol/limits.ts";
import type { Entries } from "./entries.ts";
import { memoryOf, type Entry, type EntryState } from "./entry.ts";
import { expiryOf } from "./expiry.ts";
import type { AcceptedUpdate } from "./record.ts";

/** What one key will be once the batch is carried out. */
interface Draft extends EntryState {
  /** What the feed knows of the key. */
  readonly before: Entry | undefined;
  seq: number;
  time: number | undefined;
  version: number | undefined;
  expires: number | undefined;
  /** Before `changes`, where there are any. */
  text: string | undefined;
  isNarrow: boolean;
  changes: TextPatch | undefined;
  /** Whether `text` is a part of an update's text, and has to become a string of its own. */
  isPart: boolean;
  /** Where in the batch its last update stands. */
  index: number;
}

/**
 * Updates worked out beside the feed, so that they can still be refused as a whole. Nothing of the feed changes
 * before `apply`. The patches of one key are gathered, and written into its value once.
 */
export class BatchDraft {
  readonly #entries: Entries;
  /** In order of each key's last change. */
  readonly #drafts = new Map<string, Draft>();
  readonly #isNarrow: boolean;

  /** `isNarrow`: all texts of the updates are ASCII, and are parts of nothing else. */
  constructor(entries: Entries, isNarrow: boolean) {
    this.#entries = entries;
    this.#isNarrow = isNarrow;
  }

  /** What is known of a key, this batch included. */
  known(key: string): EntryState | undefined {
    return this.#drafts.get(key) ?? this.#entries.recall(key);
  }

  /** Adds one update, after those added before. `index` is its place in the batch, `now` in milliseconds since 1970. */
  add(update: AcceptedUpdate, index: number, now: number): void {
    const { key, change, version, ttl } = update;
    let draft = this.#drafts.get(key);
    // Set anew, so that the map's order is the order of the last change.
    if (draft) this.#drafts.delete(key);
    else draft = draftOf(this.#entries.recall(key));
    this.#drafts.set(key, draft);
    draft.seq = update.seq;
    draft.index = index;
    draft.time = update.time;
    if (version !== undefined) draft.version = version;
    draft.expires = ttl === undefined || change === "delete" ? undefined : expiryOf(now, ttl);
    if (change === "patch") {
      const patch = this.#isNarrow ? update.valueText : ownText(update.valueText, false);
      draft.changes ??= new TextPatch();
      draft.changes.add(patch);
      draft.isNarrow &&= this.#isNarrow || isAscii(patch);
      return;
    }
    draft.changes = undefined;
    draft.text = change === "delete" ? undefined : update.valueText;
    draft.isNarrow = this.#isNarrow || draft.text === undefined || isAscii(draft.text);
    draft.isPart = true;
  }

  /** Works out the values. Names each that the batch would make too large, by its last update. */
  settle(): UpdateIssue[] {
    const issues: UpdateIssue[] = [];
    for (const draft of this.#drafts.values()) {
      if (draft.isPart && draft.text !== undefined) draft.text = ownText(draft.text, this.#isNarrow);
      if (!draft.changes) continue;
      writeChanges(draft, draft.changes);
      const bytes = draft.isNarrow ? (draft.text?.length ?? 0) : utf8Length(draft.text ?? "");
      if (bytes <= LIMITS.valueBytes) continue;
      const message = `makes the value ${bytes} bytes long; ${LIMITS.valueBytes} are allowed`;
      issues.push({ index: draft.index, path: "patch", message });
    }
    return issues.toSorted((a, b) => a.index - b.index).slice(0, LIMITS.reportedIssues);
  }

  /** Says which limit of the feed the batch would break, or nothing. A feed over a limit may still shrink. */
  overLimit(limits: FeedLimits): string | undefined {
    let keys = 0;
    let bytes = 0;
    for (const [key, draft] of this.#drafts) {
      const { before, text, isNarrow } = draft;
      if (before?.live) keys--;
      bytes -= before?.bytes ?? 0;
      if (text === undefined) continue;
      keys++;
      bytes += (before?.keyBytes ?? memoryOf(key, isAscii(key))) + memoryOf(text, isNarrow);
    }
    if (keys > 0 && this.#entries.size + keys > limits.keys) return `The feed may have ${limits.keys} keys.`;
    if (bytes > 0 && this.#entries.bytes + bytes > limits.length) {
      return `The feed's keys and values may take ${limits.length} bytes together.`;
    }
    return undefined;
  }

  /** Carries the batch out. `onChanged` is told of every entry that was changed. */
  apply(onChanged: (entry: Entry) => void): void {
    for (const [key, draft] of this.#drafts) {
      onChanged(this.#entries.put(key, draft, draft.before));
    }
  }
}

function draftOf(before: Entry | undefined): Draft {
  return {
    before,
    seq: 0,
    time: undefined,
    version: before?.version,
    expires: undefined,
    text: before?.text,
    isNarrow: before?.isNarrow ?? true,
    changes: undefined,
    isPart: false,
    index: 0,
  };
}

/** Makes `text` the value that the gathered patches make. */
function writeChanges(draft: Draft, changes: TextPatch): void {
  const text = changes.applyTo(draft.text);
  // A value may have lost the last of its wide characters.
  const isNarrowed = !draft.isNarrow && isAscii(text);
  draft.text = isNarrowed ? ownText(text, false) : text;
  draft.isNarrow ||= isNarrowed;
  draft.changes = undefined;
}
