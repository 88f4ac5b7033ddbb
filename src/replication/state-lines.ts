import { decodeEntryLines, encodeEntryLine } from "../feed/state/entry-lines.ts";
import type { Entry } from "../feed/state/entry.ts";
import type { Feed, RestoredEntry } from "../feed/state/feed.ts";
import { isAscii } from "../protocol/json-scan.ts";
import type { TimedPosition } from "../protocol/position.ts";

/*
 * A whole feed as lines, for a replica that begins: first `<epoch> <seq> <time>`, then the entries and tombstones, at
 * last `end <seq> <forgotten>`.
 *
 * The feed goes on while it is read. An entry that changes meanwhile is written as it is at that moment, with its seq. So
 * the lines alone are the feed at no moment: the reader then applies the records after the first line's seq, each key's
 * newest state counts, and from the last line's seq on the two feeds are the same.
 */

/** Characters of a part: one may be on its way to each of very many replicas. */
const PART_LENGTH = 64 * 1024;
/** Entries looked at for one part. */
const ENTRIES_IN_A_PART = 10_000;

/**
 * Reads a feed in parts of a few milliseconds each: of about `length` characters. `commit` commits what the entries show. End
 * the generator if you stop.
 */
export function* encodeState(feed: Feed, commit: () => void, length = PART_LENGTH): Generator<string> {
  const { epoch, seq, time, entries } = feed;
  yield `${epoch} ${seq} ${time}\n`;
  const walk = entries.walk();
  const written = new Set<Entry>();
  try {
    for (let isOver = false; !isOver;) {
      let text = "";
      for (let looked = 0; looked < ENTRIES_IN_A_PART && text.length < length; looked++) {
        const entry = walk.next();
        isOver = !entry;
        if (!entry) break;
        // Met again, as it has changed since: the records have the change.
        if (written.has(entry)) continue;
        written.add(entry);
        text += `${encodeEntryLine(entry)}\n`;
      }
      if (text !== "") yield text;
      if (feed.epoch !== epoch) throw new Error("the feed was reset meanwhile");
    }
  } finally {
    walk.end();
  }
  commit();
  yield `end ${feed.seq} ${entries.forgotten}\n`;
}

/** What the lines of a state say, in order. */
export type StateLine =
  | { readonly kind: "begin"; readonly position: TimedPosition }
  | { readonly kind: "entries"; readonly entries: Iterable<RestoredEntry>; readonly isNarrow: boolean }
  /** `forgotten`: deletions up to this seq may be missing. */
  | { readonly kind: "end"; readonly seq: number; readonly forgotten: number };

/** Reads a state as its text comes in: pieces may end anywhere. */
export class StateDecoder {
  #rest = "";
  #hasBegun = false;

  /** Reads on. Throws if the text is no state. */
  *push(piece: string): Generator<StateLine> {
    const text = this.#rest + piece;
    const end = text.lastIndexOf("\n");
    this.#rest = text.slice(end + 1);
    if (end === -1) return;
    let lines = text.slice(0, end);
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      const first = lines.indexOf("\n") === -1 ? lines.length : lines.indexOf("\n");
      yield { kind: "begin", position: readBegin(lines.slice(0, first)) };
      lines = lines.slice(first + 1);
    }
    if (lines === "") return;
    const last = lines.lastIndexOf("\n") + 1;
    const isOver = lines.startsWith("end ", last);
    const entries = isOver ? lines.slice(0, Math.max(0, last - 1)) : lines;
    if (entries !== "") yield { kind: "entries", entries: decodeEntryLines(entries), isNarrow: isAscii(entries) };
    if (!isOver) return;
    const [, seq, forgotten] = lines.slice(last).split(" ");
    yield { kind: "end", seq: readNumber(seq), forgotten: readNumber(forgotten) };
  }
}

function readBegin(line: string): TimedPosition {
  const [epoch = "", seq, time] = line.split(" ");
  if (!/^[a-z0-9]{1,32}$/.test(epoch)) throw new Error("not the state of a feed");
  return { epoch, seq: readNumber(seq), time: readNumber(time) };
}

function readNumber(text: string | undefined): number {
  const number = Number(text);
  if (text === undefined || text === "" || !Number.isSafeInteger(number)) throw new Error("not the state of a feed");
  return number;
}
