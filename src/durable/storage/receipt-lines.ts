import type { EarlierPublish, RememberedPublish } from "../../feed/state/idempotency.ts";
import { sessionNumberOf } from "../../feed/state/known-publishes.ts";
import type { Hashes } from "../../feed/state/remembered-span.ts";
import { readOwnJson } from "../../protocol/json.ts";

/*
 * Receipts as rows hold them: a line each, `<hash of key> <hash of credential> <at> <JSON>`, with numbers to the base 36, so
 * that remembered publishes are restored without parsing JSON. In the journal a line with the ordinal of the first receipt
 * comes before them. An empty line stands for a publish that is remembered elsewhere. Format 1 has lines of JSON only.
 */

export interface StoredReceipts {
  /** Ordinal of the first line. */
  readonly first: number;
  readonly lines: string;
}

type ReceiptFields = [epoch: string, seq: number, accepted: number, stale: number];
/** Lines of versions that took keys over POST only have no `content`. */
type ReceiptLine = [
  principal: string,
  credential: string,
  key: string,
  digest: string,
  ...ReceiptFields,
  ...content: number[],
];
/** Of format 1. */
type EarlierLine = [key: string, digest: string, at: number, ...ReceiptFields];

export function receiptLine(publish: RememberedPublish): string {
  const { hashes, at, principal, credential, key, digest, content, receipt } = publish;
  const { epoch, seq, accepted, stale } = receipt;
  const line: ReceiptLine = [principal, credential, key, digest, epoch, seq, accepted, stale];
  if (content !== undefined) line.push(content);
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
  let ordinal = first - 1;
  for (const line of lines.split("\n")) {
    ordinal++;
    if (line === "") continue;
    const [key = "", credential = "", at = ""] = line.split(" ", 3);
    const hashes = { key: Number.parseInt(key, 36), credential: Number.parseInt(credential, 36) };
    yield { ordinal, hashes, at: Number.parseInt(at, 36) };
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
  const [principal, credential, key, digest, epoch, seq, accepted, stale, content] = json;
  return { ...known, principal, credential, key, digest, content, receipt: { epoch, seq, accepted, stale } };
}

/** What a line of a session's publish has, and hardly any other. */
const OF_A_SESSION = ',"~session/';

/** The publishes of sessions among receipts, by ordinal. Those that the version before has stored are not among them. */
export function sessionPublishesIn({ first, lines }: StoredReceipts): ReadonlyMap<number, RememberedPublish> {
  const ofSessions = new Map<number, RememberedPublish>();
  if (!lines.includes(OF_A_SESSION)) return ofSessions;
  for (const [i, line] of lines.split("\n").entries()) {
    if (!line.includes(OF_A_SESSION)) continue;
    const publish = readReceipt({ first: first + i, lines: line }, first + i);
    if (publish && sessionNumberOf(publish)) ofSessions.set(publish.ordinal, publish);
  }
  return ofSessions;
}

/** Receipts without those of sessions, in whose place empty lines are left; undefined if there are no others. */
export function withoutSessions(receipts: StoredReceipts): StoredReceipts | undefined {
  const ofSessions = sessionPublishesIn(receipts);
  if (ofSessions.size === 0) return receipts;
  const { first, lines } = receipts;
  const kept = lines.split("\n").map((line, i) => (ofSessions.has(first + i) ? "" : line));
  const begin = kept.findIndex((line) => line !== "");
  if (begin === -1) return undefined;
  const end = 1 + kept.findLastIndex((line) => line !== "");
  return { first: first + begin, lines: kept.slice(begin, end).join("\n") };
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
