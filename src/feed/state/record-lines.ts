import { readOwnJson } from "../../protocol/json.ts";
import { selects, type Selection } from "../../protocol/selection.ts";
import { isAscii, ownText } from "../../protocol/json-scan.ts";
import { cutUpdate, isEmptyPatch } from "./accepted-update.ts";
import { seqAfter, readRecord, type SelectedRecord, type LogRecord } from "./record.ts";

/*
 * Records as rows and links hold them: a line `<from> <time>` for each batch, then a line for each update. JSON has no raw line break,
 * so that lines are found without parsing. An update begins with its key.
 *
 * If any of its patches met an entry, `<from> <time> +<i>,<j>...` names those that made theirs, by their index. Earlier
 * versions write no third part, and read over it: of their lines it is not known. Why: docs/decisions/fields.md.
 */

export function encodeRecord({ from, time, updates }: LogRecord): string {
  let text = `${from} ${time}${encodeMakers(updates)}`;
  for (const update of updates) text += `\n${update.text}`;
  return text;
}

function encodeMakers(updates: LogRecord["updates"]): string {
  let makers = "";
  let meets = false;
  for (const [i, { change, meetsEntry }] of updates.entries()) {
    if (meetsEntry) meets = true;
    else if (change === "patch") makers += makers === "" ? i : `,${i}`;
  }
  return meets ? ` +${makers}` : "";
}

/** Indexes of the patches that made their entries; undefined if that is not known. */
function readMakers(text: string | undefined): ReadonlySet<number> | undefined {
  if (text === undefined) return undefined;
  return text === "+" ? NONE : new Set(text.slice(1).split(",").map(Number));
}

const NONE: ReadonlySet<number> = new Set();

export function* decodeRecords(text: string): Generator<LogRecord> {
  for (const { from, time, makers, lines } of recordLines(text)) {
    const record = readRecord(from, time, lines);
    if (makers) {
      for (const [i, update] of record.updates.entries()) {
        update.meetsEntry = update.change === "patch" && !makers.has(i);
      }
    }
    yield record;
  }
}

/**
 * Adds to `found` what a selection has of the records in `text` after the seq `after`. Returns the seq at the end. Reads
 * values only if fields are selected.
 */
export function findUpdates(text: string, after: number, selection: Selection, found: SelectedRecord[]): number {
  const { fields } = selection;
  const cut = fields && ((value: string): string => fields.cut(value));
  const isEverything = selection.prefixes[0] === "";
  let [from, time, seq] = [0, 0, 0];
  let makers: ReadonlySet<number> | undefined;
  let updates: string[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(start) === BRACE) {
      seq++;
      if (seq > after && (isEverything || selects(selection, keyOf(text, start)))) {
        const line = text.slice(start, end);
        const update = cut ? cutUpdate(line, cut) : line;
        const meetsEntry = makers !== undefined && !makers.has(seq - from - 1);
        if (!fields || !meetsEntry || !isEmptyPatch(update)) updates.push(update);
      }
    } else {
      if (updates.length > 0) found.push({ from, seq, time, updates });
      updates = [];
      ({ from, time, makers } = readHead(text.slice(start, end)));
      seq = from;
    }
    start = end + 1;
  }
  if (updates.length > 0) found.push({ from, seq, time, updates });
  return seq;
}

const BRACE = "{".charCodeAt(0);
const KEY_START = `{"key":`.length;

interface RecordHead {
  readonly from: number;
  readonly time: number;
  readonly makers: ReadonlySet<number> | undefined;
}

function readHead(line: string): RecordHead {
  const [from, time, makers] = line.split(" ");
  return { from: Number(from), time: Number(time), makers: readMakers(makers) };
}

/** The key of the update whose text begins at `start`. */
export function keyOf(text: string, start = 0): string {
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

function* recordLines(text: string): Generator<RecordHead & { readonly lines: string[] }> {
  let current: (RecordHead & { readonly lines: string[] }) | undefined;
  for (const line of text === "" ? [] : text.split("\n")) {
    if (line.startsWith("{")) current?.lines.push(line);
    else {
      if (current) yield current;
      current = { ...readHead(line), lines: [] };
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
