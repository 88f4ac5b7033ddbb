import { readOwnJson } from "../../protocol/json.ts";
import type { Entry } from "./entry.ts";
import type { RestoredEntry } from "./feed.ts";

/*
 * Entries as rows and links hold them, a line each: `<seq> TAB <time> TAB <version> TAB <expires> TAB <key as JSON> TAB <value as
 * JSON>`. JSON has no raw tab or line break. A missing field is empty, and a tombstone has no value.
 */

export function encodeEntryLine({ seq, time, version, expires, key, text }: Entry): string {
  return `${seq}\t${time ?? ""}\t${version ?? ""}\t${expires ?? ""}\t${JSON.stringify(key)}\t${text ?? ""}`;
}

export function* decodeEntryLines(chunk: string): Generator<RestoredEntry> {
  for (let start = 0; start < chunk.length;) {
    const newline = chunk.indexOf("\n", start);
    const end = newline === -1 ? chunk.length : newline;
    const time = chunk.indexOf("\t", start) + 1;
    const version = chunk.indexOf("\t", time) + 1;
    const expires = chunk.indexOf("\t", version) + 1;
    const key = chunk.indexOf("\t", expires) + 1;
    const text = chunk.indexOf("\t", key) + 1;
    yield {
      seq: Number(chunk.slice(start, time - 1)),
      time: optional(chunk, time, version - 1),
      version: optional(chunk, version, expires - 1),
      expires: optional(chunk, expires, key - 1),
      key: readOwnJson<string>(chunk.slice(key, text - 1)),
      text: text === end ? undefined : chunk.slice(text, end),
    };
    start = end + 1;
  }
}

function optional(chunk: string, start: number, end: number): number | undefined {
  return start === end ? undefined : Number(chunk.slice(start, end));
}
