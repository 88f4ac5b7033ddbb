import * as v from "valibot";
import { MODES } from "./codes.ts";
import { NOT_IN_A_FIELD } from "./fields.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { FEED_NAME, keyProblem, NOT_IN_A_KEY } from "./names.ts";
import { POSITION } from "./position.ts";

/*
 * The parts that messages are made of. OpenAPI and AsyncAPI are made from the schemas: `v.metadata` has what readers of the
 * documents see, and the JSON Schema keywords for rules that functions check.
 */

/** Adds what readers of the documents see of a schema. The example has to be one of its values. */
export function documented<S extends v.GenericSchema>(schema: S, description: string, example: v.InferInput<S>) {
  return v.pipe(schema, v.metadata({ description, examples: [example] }));
}

/** A character that a key may have, as a regular expression. */
const KEY_CHARACTER = `[^${NOT_IN_A_KEY.source.slice(1)}`;

export const feedNameSchema = documented(
  v.pipe(v.string("is not a string"), v.regex(FEED_NAME), v.maxLength(LIMITS.feedNameLength)),
  "A feed's name.",
  "stocks",
);

export const keySchema = v.pipe(
  v.string("is not a string"),
  v.metadata({
    pattern: `^${KEY_CHARACTER}+$`,
    minLength: 1,
    maxLength: LIMITS.keyLength,
    description: "The name of an entry in its feed: well-formed Unicode without control characters, `*` and `,`.",
    examples: ["AAPL"],
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? keyProblem(dataset.value) : undefined;
    if (problem) addIssue({ message: problem });
  }),
);

/** `parseSelection` checks the pattern itself: a selection may have many. */
export const patternSchema = v.pipe(
  v.string("is not a string"),
  v.metadata({
    pattern: `^(\\*|${KEY_CHARACTER}{1,${LIMITS.keyLength}}\\*?)$`,
    minLength: 1,
    maxLength: LIMITS.keyLength + 1,
    description: "A key, a `prefix*`, or `*` for all keys.",
    examples: ["tech.*"],
  }),
);

/** `parseSelection` checks the names itself. */
export const fieldSchema = v.pipe(
  v.string("is not a string"),
  v.metadata({
    pattern: `^[^${NOT_IN_A_FIELD.source.slice(1)}+$`,
    minLength: 1,
    maxLength: LIMITS.fieldLength,
    description: "A top-level member of the values: well-formed Unicode without control characters and `,`.",
    examples: ["last"],
  }),
);

/** Checked as one value, not member by member: a record schema would drop members with names such as `__proto__`. */
export const jsonObjectSchema = v.custom<JsonObject>(isJsonObject, "is not a JSON object");

export const valueSchema = documented(
  jsonObjectSchema,
  `An entry's fields: at most ${LIMITS.valueBytes} bytes as JSON, at most ${LIMITS.valueDepth} levels deep.`,
  { price: 191.2, size: 300 },
);

export const mergePatchSchema = documented(
  jsonObjectSchema,
  "An RFC 7396 merge patch: `null` removes a member. The patched value has the limits of any value.",
  { price: 191.3, halted: null },
);

export const entriesSchema = v.record(keySchema, valueSchema);

export const epochSchema = documented(
  v.pipe(v.string(), v.regex(/^[a-z0-9]{1,32}$/)),
  "A new one each time the feed begins or is reset. Compare epochs for equality only.",
  "k3v7x2qm4a",
);

export const countSchema = v.pipe(
  v.number("is not a number"),
  v.safeInteger("is not a whole number"),
  v.minValue(0, "is below 0"),
);

export const seqSchema = documented(countSchema, "The feed's counter: +1 for every accepted update.", 1045);

export const positionSchema = documented(
  v.pipe(v.string(), v.regex(POSITION)),
  `\`EPOCH:SEQ\`, the same on every transport. SEQ is at most ${Number.MAX_SAFE_INTEGER}.`,
  "k3v7x2qm4a:1045",
);

export const timeSchema = documented(v.pipe(v.number(), v.finite()), "Milliseconds since 1970.", 1732096000123);

/** The time of a state: of a `hello`, a snapshot. */
export const changedSchema = v.pipe(
  timeSchema,
  v.description("When the feed last changed, in ms since 1970; 0 if never."),
);

export const hzSchema = v.pipe(
  v.number("is not a number"),
  v.minValue(LIMITS.hzMin, `is below ${LIMITS.hzMin}`),
  v.maxValue(LIMITS.hzMax, `is above ${LIMITS.hzMax}`),
);
export const modeSchema = v.picklist(MODES, "is neither latest nor all");

export const idSchema = v.pipe(v.number("is not a number"), v.finite("is not a number"));

const KEY_LENGTH_PROBLEM = `is not 1 to ${LIMITS.idempotencyKeyLength} characters long`;
export const idempotencyKeySchema = v.pipe(
  v.string("is not a string"),
  v.minLength(1, KEY_LENGTH_PROBLEM),
  v.maxLength(LIMITS.idempotencyKeyLength, KEY_LENGTH_PROBLEM),
  v.description("A repeat with the same key and the same updates gets the first receipt again."),
);

/** The names of an object's members, for a picklist of them. */
export function namesOf<T extends object>(object: T): Extract<keyof T, string>[] {
  const names: Extract<keyof T, string>[] = [];
  for (const name in object) names.push(name);
  return names;
}

/** Names a schema of the documents, for a part that functions check. `specs/schemas.ts` has the names. */
export function schemaRef(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** Where in the input an issue is: `keys[1]`, `patch.price`; "" is the whole input. */
export function issuePath(issue: v.BaseIssue<unknown>): string {
  let path = "";
  for (const item of issue.path ?? []) {
    path += typeof item.key === "number" ? `[${item.key}]` : `${path === "" ? "" : "."}${String(item.key)}`;
  }
  return path;
}

/** What is wrong there. Where a schema has no message of its own, replaces the library's. */
export function issueReason(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== "strict_object") return issue.message;
  return issue.expected === "never" ? "is not a known member" : "is missing";
}
