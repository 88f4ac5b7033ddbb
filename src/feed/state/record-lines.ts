import { readOwnJson } from "../../protocol/json.ts";
import { selects, type Selection } from "../../protocol/selection.ts";
import { isAscii, ownText } from "../../protocol/json-scan.ts";
import { seqAfter, readRecord, type SelectedRecord, type LogRecord } from "./record.ts";

/*
 * Records as rows and links hold them: a line `<from> <time>` for each batch, then a line for each update. JSON has no raw line break,
 * so that lines are found without parsing. An update begins with its key.
 */

export function encodeRecord(record: LogRecord): string {
  let text = `${record.from} ${record.time}`;
  for (const update of record.updates) text += `\n${update.text}`;
  return text;
}

export function* decodeRecords(text: string): Generator<LogRecord> {
  for (const { from, time, lines } of recordLines(text)) yield readRecord(from, time, lines);
}

/** Adds to `found` the updates in `text` after the seq `after` that a selection selects. Returns the seq at the end. */
export function findUpdates(text: string, after: number, selection: Selection, found: SelectedRecord[]): number {
  const isEverything = selection.prefixes[0] === "";
  let [from, time, seq] = [0, 0, 0];
  let updates: string[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(start) === BRACE) {
      seq++;
      if (seq > after && (isEverything || selects(selection, keyOf(text, start)))) updates.push(text.slice(start, end));
    } else {
      if (updates.length > 0) found.push({ from, seq, time, updates });
      updates = [];
      const [first, second] = text.slice(start, end).split(" ");
      [from, time] = [Number(first), Number(second)];
      seq = from;
    }
    start = end + 1;
  }
  if (updates.length > 0) found.push({ from, seq, time, updates });
  return seq;
}

const BRACE = "{".charCodeAt(0);
const KEY_START = `{"key":`.length;

/** The key of the update whose line begins at `start`. */
function keyOf(text: string, start: number): string {
  const open = start + KEY_START;
  let close = text.indexOf('"', open + 1);
  // Within the key, a quotation mark comes after a backslash, and so does a backslash.
  while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
  const key = text.slice(open + 1, close);
  return key.includes("\\") ? readOwnJson<string>(text.slice(open, close + 1)) : key;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

/** The updates of one key in `text`, oldest first. Their lines do not share memory with the text. */
export function findKey(text: string, key: string): FoundLine[] {
  // Each update of the key begins with this, and no update of another key does. It may also be within a value.
  const start = `{"key":${JSON.stringify(key)},`;
  const found: FoundLine[] = [];
  if (!text.includes(`\n${start}`)) return found;
  const isNarrow = isAscii(text);
  for (const { from, time, lines } of recordLines(text)) {
    for (const [i, line] of lines.entries()) {
      if (line.startsWith(start)) found.push({ seq: from + 1 + i, time, line: ownText(line, isNarrow) });
    }
  }
  return found;
}

export interface FoundLine {
  readonly seq: number;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly time: number;
  readonly line: string;
}

export function keysOf(text: string): Set<string> {
  const keys = new Set<string>();
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) {
    if (text.charCodeAt(end + 1) === BRACE) keys.add(keyOf(text, end + 1));
  }
  return keys;
}

function* recordLines(text: string): Generator<{ from: number; time: number; lines: string[] }> {
  let current: { from: number; time: number; lines: string[] } | undefined;
  for (const line of text === "" ? [] : text.split("\n")) {
    if (line.startsWith("{")) current?.lines.push(line);
    else {
      if (current) yield current;
      const [from, time] = line.split(" ");
      current = { from: Number(from), time: Number(time), lines: [] };
    }
  }
  if (current) yield current;
}

/**
 * Packs records into texts of about `length` characters. A text is closed once it has that length, so that it is longer by
 * at most one record.
 */
export function packRecords(records: readonly LogRecord[], length: number): PackedRecords[] {
  const packs: PackedRecords[] = [];
  for (const record of records) {
    const last = packs.at(-1);
    const text = encodeRecord(record);
    if (last && last.text.length < length) {
      last.text += `\n${text}`;
      last.seq = seqAfter(record);
    } else packs.push({ text, seq: seqAfter(record) });
  }
  return packs;
}

export interface PackedRecords {
  text: string;
  /** The feed's seq after the last of the records. */
  seq: number;
}
