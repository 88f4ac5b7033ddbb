import { readOwnJson } from "../protocol/json.ts";
import type { Entry } from "../feed/entry.ts";
import type { RestoredEntry } from "../feed/feed.ts";

/*
 * Entries as rows hold them, a line each: `<seq> TAB <time> TAB <version> TAB <expires> TAB <key as JSON> TAB <value as
 * JSON>`. JSON has no raw tab or line break. A field that is not there is empty, and a tombstone has no value.
 */

export function encodeEntry({ seq, time, version, expires, key, text }: Entry): string {
  return `${seq}\t${time ?? ""}\t${version ?? ""}\t${expires ?? ""}\t${JSON.stringify(key)}\t${text ?? ""}`;
}

export function* decodeEntries(chunk: string): Generator<RestoredEntry> {
  for (const line of chunk.split("\n")) {
    const [seq = "", time = "", version = "", expires = "", key = "", text = ""] = line.split("\t");
    yield {
      seq: Number(seq),
      time: optional(time),
      version: optional(version),
      expires: optional(expires),
      key: readOwnJson<string>(key),
      text: text === "" ? undefined : text,
    };
  }
}

function optional(field: string): number | undefined {
  return field === "" ? undefined : Number(field);
}
