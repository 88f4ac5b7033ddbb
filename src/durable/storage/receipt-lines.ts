import type { EarlierPublish, RememberedPublish } from "../../feed/state/idempotency.ts";
import type { Hashes } from "../../feed/state/remembered-span.ts";
import { readOwnJson } from "../../protocol/json.ts";

/*
 * Receipts as rows hold them: a line each, `<hash of key> <hash of credential> <at> <JSON>`, with numbers to the base 36, so
 * that remembered publishes are restored without parsing JSON. In the journal a line with the ordinal of the first receipt
 * comes before them. Format 1 has lines of JSON only.
 */

export interface StoredReceipts {
  /** Ordinal of the first line. */
  readonly first: number;
  readonly lines: string;
}

type ReceiptFields = [epoch: string, seq: number, accepted: number, stale: number];
type ReceiptLine = [principal: string, credential: string, key: string, digest: string, ...ReceiptFields];
/** Of format 1. */
type EarlierLine = [key: string, digest: string, at: number, ...ReceiptFields];

export function receiptLine({ hashes, at, principal, credential, key, digest, receipt }: RememberedPublish): string {
  const { epoch, seq, accepted, stale } = receipt;
  const line: ReceiptLine = [principal, credential, key, digest, epoch, seq, accepted, stale];
  return `${hashes.key.toString(36)} ${hashes.credential.toString(36)} ${at.toString(36)} ${JSON.stringify(line)}`;
}

export function journalText(first: number, lines: readonly string[]): string {
  return lines.length > 0 ? `${first}\n${lines.join("\n")}` : "";
}

/** The ordinal of the first receipt in a journal row; undefined if it has none, or receipts of format 1. */
export function ordinalOf(text: string): number | undefined {
  return text === "" || isEarlier(text) ? undefined : Number.parseInt(text, 10);
}

/** The receipts of a journal row; undefined as in `ordinalOf`. */
export function readJournalText(text: string): StoredReceipts | undefined {
  const first = ordinalOf(text);
  return first === undefined ? undefined : { first, lines: text.slice(text.indexOf("\n") + 1) };
}

/** What a feed keeps in memory of each receipt. */
export function* receiptHashes({ first, lines }: StoredReceipts): Generator<{
  ordinal: number;
  hashes: Hashes;
  at: number;
}> {
  let ordinal = first;
  for (const line of lines.split("\n")) {
    const [key = "", credential = "", at = ""] = line.split(" ", 3);
    const hashes = { key: Number.parseInt(key, 36), credential: Number.parseInt(credential, 36) };
    yield { ordinal: ordinal++, hashes, at: Number.parseInt(at, 36) };
  }
}

export function readReceipt({ first, lines }: StoredReceipts, ordinal: number): RememberedPublish | undefined {
  let start = 0;
  for (let i = first; i < ordinal; i++) {
    start = lines.indexOf("\n", start) + 1;
    if (start === 0) return undefined;
  }
  const end = lines.indexOf("\n", start);
  const line = lines.slice(start, end === -1 ? undefined : end);
  const [known] = receiptHashes({ first: ordinal, lines: line });
  if (!known) return undefined;
  const json = readOwnJson<ReceiptLine>(line.slice(line.indexOf("[")));
  const [principal, credential, key, digest, epoch, seq, accepted, stale] = json;
  return { ...known, principal, credential, key, digest, receipt: { epoch, seq, accepted, stale } };
}

/** Whether these receipts were written in format 1. */
export function isEarlier(text: string): boolean {
  return text.startsWith("[");
}

export function* decodeEarlier(text: string): Generator<EarlierPublish> {
  for (const line of text.split("\n")) {
    const [key, digest, at, epoch, seq, accepted, stale] = readOwnJson<EarlierLine>(line);
    yield { key, digest, at, receipt: { epoch, seq, accepted, stale } };
  }
}
