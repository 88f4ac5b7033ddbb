import * as v from "valibot";
import type { UpdateIssue } from "./codes.ts";
import { exceedsBytes } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { countSchema, documented, keySchema, mergePatchSchema, seqSchema, timeSchema, valueSchema } from "./schemas.ts";

const finite = (what: string) => v.pipe(v.number(`is not ${what}`), v.finite(`is not ${what}`));

const stamp = (schema: v.GenericSchema<number>, description: string) =>
  v.exactOptional(v.pipe(schema, v.description(description)));

/** What an update may have beside its key and its change. */
const stamps = {
  time: stamp(finite("a time in milliseconds"), "When it happened at the source, in milliseconds since 1970."),
  version: stamp(
    finite("a number"),
    "The source's own version of the key: an update that is not above the key's last version is stale.",
  ),
  ttl: stamp(
    v.pipe(
      finite("a number of seconds"),
      v.gtValue(0, "is not above 0"),
      v.maxValue(LIMITS.ttlMax, "is longer than ten years"),
    ),
    "Seconds after which the entry is deleted unless a newer update comes.",
  ),
};

/** The three kinds of an update with these members, by their change. */
const byChange = <Members extends v.ObjectEntries>(members: Members) => ({
  set: v.strictObject({ ...members, set: valueSchema }),
  patch: v.strictObject({ ...members, patch: mergePatchSchema }),
  delete: v.strictObject({ ...members, delete: v.literal(true, "is not true") }),
});

export const UPDATE_SCHEMAS = byChange({ key: keySchema, ...stamps });

export const updateSchema = documented(
  v.union([UPDATE_SCHEMAS.set, UPDATE_SCHEMAS.patch, UPDATE_SCHEMAS.delete]),
  "One change of one key, as it is published and as subscribers get it. Unknown members are refused: they are most likely typos.",
  { key: "AAPL", patch: { price: 191.3 }, time: 1732096000123 },
);
export type Update = v.InferOutput<typeof updateSchema>;

/** The body of a publish. The server checks it in steps, see `decodeUpdatesInSteps`. */
export const batchSchema = v.union([
  updateSchema,
  v.pipe(v.array(updateSchema), v.minLength(1), v.maxLength(LIMITS.batchUpdates)),
]);

/** An update in a key's history: without the key, and with its seq and time. */
const PAST = byChange({ seq: seqSchema, version: stamps.version, ttl: stamps.ttl, time: timeSchema });
export const pastUpdateSchema = documented(
  v.union([PAST.set, PAST.patch, PAST.delete]),
  "An update in a key's history. `time` is the publisher's if the update has one, else the server's.",
  { seq: 1041, time: 1732096000123, patch: { price: 191.1 } },
);

export const updateIssueSchema = v.object({
  index: v.pipe(countSchema, v.description("Which update of the batch.")),
  path: v.pipe(v.string(), v.description("Where in the update, such as `patch.price`; empty for the whole update.")),
  message: v.string(),
}) satisfies v.GenericSchema<UpdateIssue>;

/** A batch as it travels inside the server: each update as canonical JSON, with its members in a fixed order, `key` first. */
export type EncodedUpdates = string[];

/** Writes an update with its members in the order that storage and history searches rely on: `key` first. */
export function encodeUpdate(update: Update): string {
  const tail = encodeStamps(update);
  if ("set" in update) return encodeChange(update.key, "set", JSON.stringify(update.set), tail);
  if ("patch" in update) return encodeChange(update.key, "patch", JSON.stringify(update.patch), tail);
  return encodeChange(update.key, "delete", "true", tail);
}

/** Writes an entry as a `set`, from JSON text of its value. */
export function encodeSet(key: string, valueText: string, stamps: Omit<Stamps, "ttl">): string {
  return encodeChange(key, "set", valueText, encodeStamps(stamps));
}

export function encodeDelete(key: string, stamps: Omit<Stamps, "ttl"> = {}): string {
  return encodeChange(key, "delete", "true", encodeStamps(stamps));
}

export function encodeChange(
  key: string,
  change: keyof typeof UPDATE_SCHEMAS,
  valueText: string,
  tail: string,
): string {
  return `{"key":${JSON.stringify(key)},"${change}":${valueText}${tail}}`;
}

export type Stamps = { [stamp in "time" | "version" | "ttl"]?: number | undefined };

/** Writes them as they stand behind the change: each with a comma before it. */
export function encodeStamps({ time, version, ttl }: Stamps): string {
  let text = "";
  if (time !== undefined) text += `,"time":${time}`;
  if (version !== undefined) text += `,"version":${version}`;
  if (ttl !== undefined) text += `,"ttl":${ttl}`;
  return text;
}

/** An encoded update that has no `ttl`, with one: the last of its members. */
export function withTtl(text: string, ttl: number): string {
  return `${text.slice(0, -1)}${encodeStamps({ ttl })}}`;
}

/** Reads what `encodeUpdate` wrote. Only for text of this server's own: it is not checked again. */
export function readEncodedUpdate(text: string): Update {
  return JSON.parse(text);
}

/** Whether a batch is larger, as it would be stored, than one row may be. */
export function batchTooLarge(updates: EncodedUpdates): boolean {
  let length = 0;
  for (const text of updates) length += text.length;
  return exceedsBytes(length * 3 > LIMITS.encodedBatchBytes ? updates.join("\n") : "", LIMITS.encodedBatchBytes);
}
