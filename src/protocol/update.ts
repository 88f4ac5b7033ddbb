import * as v from "valibot";
import type { UpdateIssue } from "./codes.ts";
import { issuePath, issueReason } from "./explain.ts";
import { exceedsBytes, isJsonObject, jsonProblem, type Json, type JsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { keyProblem } from "./names.ts";
import { finish, PIECE } from "./pieces.ts";

/** The members that every update may carry beside its change. */
interface UpdateMembers {
  key: string;
  /** When it happened at the source, in milliseconds since 1970. */
  time?: number;
  /** The source's own version of the key: an update that is not above the last one is stale. */
  version?: number;
  /** Seconds after which the entry is deleted unless a newer update comes. */
  ttl?: number;
}

/** One change of one key, as published and as sent to subscribers. */
export type Update =
  | (UpdateMembers & { set: JsonObject })
  | (UpdateMembers & { patch: JsonObject })
  | (UpdateMembers & { delete: true });

const finite = (what: string) => v.pipe(v.number(`is not ${what}`), v.finite(`is not ${what}`));
const keySchema = v.pipe(
  v.string("is not a string"),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? keyProblem(dataset.value) : undefined;
    if (problem) addIssue({ message: problem });
  }),
);
// Checked as one value, not member by member: a record schema would drop members with names such as `__proto__`.
const objectSchema = v.custom<JsonObject>(isJsonObject, "is not a JSON object");

const members = {
  key: keySchema,
  time: v.exactOptional(finite("a time in milliseconds")),
  version: v.exactOptional(finite("a number")),
  ttl: v.exactOptional(
    v.pipe(
      finite("a number of seconds"),
      v.gtValue(0, "is not above 0"),
      v.maxValue(LIMITS.ttlMax, "is longer than ten years"),
    ),
  ),
};
const setSchema = v.strictObject({ ...members, set: objectSchema });
const patchSchema = v.strictObject({ ...members, patch: objectSchema });
const deleteSchema = v.strictObject({ ...members, delete: v.literal(true, "is not true") });
/** The schemas by change: what the documents of the wire are made from. */
export const UPDATE_SCHEMAS = { set: setSchema, patch: patchSchema, delete: deleteSchema } as const;

const CHANGES = ["set", "patch", "delete"] as const;
const KNOWN = new Set<string>([...Object.keys(members), ...CHANGES]);

export type DecodedUpdates = { ok: true; updates: EncodedUpdates } | { ok: false; issues: UpdateIssue[] };

/** A batch as it travels from here on: one string of canonical JSON an update, its members in a fixed order, `key` first. */
export type EncodedUpdates = string[];

/**
 * Checks untrusted updates and writes each one down canonically. All of them or none: any issue refuses the batch.
 * At most `LIMITS.reportedIssues` issues are told.
 */
export function decodeUpdates(inputs: readonly unknown[]): DecodedUpdates {
  return finish(decodeUpdatesInPieces(inputs));
}

/** The same in pieces, where there are many or long ones: after each it yields how many characters it has written. */
export function* decodeUpdatesInPieces(inputs: readonly unknown[]): Generator<number, DecodedUpdates> {
  if (inputs.length === 0)
    return { ok: false, issues: [{ index: 0, path: "", message: "is missing: the batch is empty" }] };
  const issues: UpdateIssue[] = [];
  const updates: EncodedUpdates = [];
  let written = 0;
  for (let index = 0; index < inputs.length && issues.length < LIMITS.reportedIssues; index++) {
    const input = inputs[index];
    const result = acceptUpdate(input) ?? checkUpdate(input);
    if (result.ok) updates.push(result.text);
    else for (const issue of result.issues) issues.push({ index, ...issue });
    written += result.ok ? result.text.length : PIECE / 16;
    if (written < PIECE) continue;
    yield written;
    written = 0;
  }
  return issues.length === 0 ? { ok: true, updates } : { ok: false, issues: issues.slice(0, LIMITS.reportedIssues) };
}

type Issue = Omit<UpdateIssue, "index">;
type DecodedUpdate = { ok: true; text: string } | { ok: false; issues: Issue[] };

/**
 * The text of a good update, or what is wrong with its value; nothing for any other, and for those `checkUpdate` says
 * why. The same rules without the
 * schemas: going through them takes longer than all else that is done here with an update.
 */
export function acceptUpdate(input: unknown): DecodedUpdate | undefined {
  if (!isJsonObject(input)) return undefined;
  const { key, set, patch, time, version, ttl } = input;
  if (typeof key !== "string" || keyProblem(key) !== undefined) return undefined;
  if (!isStamp(time) || !isStamp(version) || !isStamp(ttl)) return undefined;
  if (ttl !== undefined && (ttl <= 0 || ttl > LIMITS.ttlMax)) return undefined;
  let members = 2;
  for (const stamp of [time, version, ttl]) if (stamp !== undefined) members++;
  // One more than the key, one change and these is a second change or is unknown.
  if (Object.keys(input).length !== members) return undefined;
  const tail = encodeTail({ time, version, ttl });
  const change = set === undefined ? "patch" : "set";
  const value = set === undefined ? patch : set;
  if (value === undefined)
    return input["delete"] === true ? { ok: true, text: encode(key, "delete", "true", tail) } : undefined;
  if (!isJsonObject(value)) return undefined;
  const encoded = encodeValue(value, change);
  return encoded.ok ? { ok: true, text: encode(key, change, encoded.text, tail) } : encoded;
}

/** Writes a value down, or says why it is not kept. */
function encodeValue(value: JsonObject, change: "set" | "patch"): DecodedUpdate {
  const problem = jsonProblem(value, change);
  if (problem) return { ok: false, issues: [problem] };
  const text = JSON.stringify(value);
  if (!exceedsBytes(text, LIMITS.valueBytes)) return { ok: true, text };
  return refuse(change, `is larger than ${LIMITS.valueBytes} bytes as JSON`);
}

function isStamp(value: Json | undefined): value is number | undefined {
  return value === undefined || Number.isFinite(value);
}

/** Holds an update against the schemas, for what is wrong with it. */
export function checkUpdate(input: unknown): DecodedUpdate {
  if (!isJsonObject(input)) return refuse("", "is not a JSON object");
  const changes = CHANGES.filter((change) => Object.hasOwn(input, change));
  const unknown = Object.keys(input)
    .filter((name) => !KNOWN.has(name))
    .slice(0, LIMITS.reportedIssues);
  if (unknown.length > 0) {
    return { ok: false, issues: unknown.map((path) => ({ path, message: "is not a member of an update" })) };
  }
  if (changes.length !== 1) {
    return refuse(
      "",
      `has ${changes.length === 0 ? "none" : changes.join(" and ")} of set, patch, delete; exactly one is needed`,
    );
  }
  const schema = changes[0] === "set" ? setSchema : changes[0] === "patch" ? patchSchema : deleteSchema;
  const result = v.safeParse(schema, input);
  if (!result.success) {
    const issues = result.issues.map((issue) => ({ path: issuePath(issue), message: issueReason(issue) }));
    return { ok: false, issues };
  }
  const update: Update = result.output;
  const body = "set" in update ? update.set : "patch" in update ? update.patch : undefined;
  if (body === undefined) return { ok: true, text: encodeUpdate(update) };
  const change = "set" in update ? "set" : "patch";
  const encoded = encodeValue(body, change);
  return encoded.ok ? { ok: true, text: encodeUpdate(update) } : encoded;
}

function refuse(path: string, message: string): DecodedUpdate {
  return { ok: false, issues: [{ path, message }] };
}

/** Writes an update with its members in the one order that storage and history searches rely on: `key` first. */
export function encodeUpdate(update: Update): string {
  const tail = encodeTail(update);
  if ("set" in update) return encode(update.key, "set", JSON.stringify(update.set), tail);
  if ("patch" in update) return encode(update.key, "patch", JSON.stringify(update.patch), tail);
  return encode(update.key, "delete", "true", tail);
}

/** Writes an entry as a `set`, from JSON text of its value. */
export function encodeSet(key: string, valueText: string, stamps: { time?: number; version?: number }): string {
  return encode(key, "set", valueText, encodeTail(stamps));
}

/** Writes a deletion. */
export function encodeDelete(key: string, stamps: { time?: number; version?: number } = {}): string {
  return encode(key, "delete", "true", encodeTail(stamps));
}

function encode(key: string, change: (typeof CHANGES)[number], valueText: string, tail: string): string {
  return `{"key":${JSON.stringify(key)},"${change}":${valueText}${tail}}`;
}

type Stamps = { [stamp in "time" | "version" | "ttl"]?: number | undefined };

function encodeTail({ time, version, ttl }: Stamps): string {
  let text = "";
  if (time !== undefined) text += `,"time":${time}`;
  if (version !== undefined) text += `,"version":${version}`;
  if (ttl !== undefined) text += `,"ttl":${ttl}`;
  return text;
}

/**
 * Reads back what `encodeUpdate` wrote, from this server's own storage or from its own HTTP side.
 * Not for anything a client sent: it trusts the text.
 */
export function readEncodedUpdate(text: string): Update {
  return JSON.parse(text);
}

/** Whether a batch, as it would be written, is larger than this server stores in one piece. */
export function batchTooLarge(updates: EncodedUpdates): boolean {
  let length = 0;
  for (const text of updates) length += text.length;
  return exceedsBytes(length * 3 > LIMITS.encodedBatchBytes ? updates.join("\n") : "", LIMITS.encodedBatchBytes);
}
