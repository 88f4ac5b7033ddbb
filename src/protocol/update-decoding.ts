import * as v from "valibot";
import type { UpdateIssue } from "./codes.ts";
import { exceedsBytes, isJsonObject, jsonProblem, type Json, type JsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { STEP_WORK } from "./long-json.ts";
import { keyProblem } from "./names.ts";
import { issuePath, issueReason } from "./schemas.ts";
import {
  encodeChange,
  encodeStamps,
  encodeUpdate,
  UPDATE_SCHEMAS,
  type EncodedUpdates,
  type Update,
} from "./update.ts";

const CHANGES = ["set", "patch", "delete"] as const;
const KNOWN = new Set(CHANGES.flatMap((change) => Object.keys(UPDATE_SCHEMAS[change].entries)));

export type DecodedUpdates = { ok: true; updates: EncodedUpdates } | { ok: false; issues: UpdateIssue[] };

/**
 * Checks untrusted updates and writes each as canonical JSON: all, or at most `LIMITS.reportedIssues` issues. In steps, if
 * the updates are many or long. Yields after each step how many characters it has written.
 */
export function* decodeUpdatesInSteps(inputs: readonly unknown[]): Generator<number, DecodedUpdates> {
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
    written += result.ok ? result.text.length : STEP_WORK / 16;
    if (written < STEP_WORK) continue;
    yield written;
    written = 0;
  }
  return issues.length === 0 ? { ok: true, updates } : { ok: false, issues: issues.slice(0, LIMITS.reportedIssues) };
}

type Issue = Omit<UpdateIssue, "index">;
type DecodedUpdate = { ok: true; text: string } | { ok: false; issues: Issue[] };

/**
 * The fast way: returns the text of a good update, or what is wrong with its value. Returns undefined for any other update,
 * and `checkUpdate` says what is wrong with it. The rules are the same, without the schemas: these take longer than
 * everything else here.
 */
export function acceptUpdate(input: unknown): DecodedUpdate | undefined {
  if (!isJsonObject(input)) return undefined;
  const { key, set, patch, time, version, ttl } = input;
  if (typeof key !== "string" || keyProblem(key) !== undefined) return undefined;
  if (!isStamp(time) || !isStamp(version) || !isStamp(ttl)) return undefined;
  if (ttl !== undefined && (ttl <= 0 || ttl > LIMITS.ttlMax)) return undefined;
  let members = 2;
  for (const stamp of [time, version, ttl]) if (stamp !== undefined) members++;
  // A further member is a second change, or unknown.
  if (Object.keys(input).length !== members) return undefined;
  const tail = encodeStamps({ time, version, ttl });
  const change = set === undefined ? "patch" : "set";
  const value = set === undefined ? patch : set;
  if (value === undefined)
    return input["delete"] === true ? { ok: true, text: encodeChange(key, "delete", "true", tail) } : undefined;
  if (!isJsonObject(value)) return undefined;
  const encoded = encodeValue(value, change);
  return encoded.ok ? { ok: true, text: encodeChange(key, change, encoded.text, tail) } : encoded;
}

/** Writes a value, or says why it is refused. */
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

/** Checks an update by the schemas, which know what is wrong with it. */
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
  const result = v.safeParse(UPDATE_SCHEMAS[changes[0] ?? "set"], input);
  if (!result.success) {
    const issues = result.issues.map((issue) => ({ path: issuePath(issue), message: issueReason(issue) }));
    return { ok: false, issues };
  }
  const update: Update = result.output;
  const encoded =
    "set" in update ? encodeValue(update.set, "set") : "patch" in update && encodeValue(update.patch, "patch");
  return encoded && !encoded.ok ? encoded : { ok: true, text: encodeUpdate(update) };
}

function refuse(path: string, message: string): DecodedUpdate {
  return { ok: false, issues: [{ path, message }] };
}
