import { LIMITS } from "../protocol/limits.ts";
import { UPDATE_SCHEMAS as CHECKED } from "../protocol/update.ts";
import { jsonSchemaOf, type JsonSchema } from "./json-schema.ts";
import { ref } from "./names.ts";

const { key, set } = CHECKED.set.entries;
const MEANINGS: Readonly<Record<string, string>> = {
  time: "When it happened at the source, in milliseconds since 1970.",
  version: "An update whose version is not above the key's last one is stale.",
  ttl: "Seconds after which the entry is deleted without a newer update.",
};

/** The changes; what the server checks by functions is told here. */
const CHANGES = Object.entries(CHECKED).map(([name, schema]) =>
  jsonSchemaOf(
    schema,
    new Map<unknown, JsonSchema>([
      [key, ref("Key")],
      [set, ref(name === "patch" ? "Patch" : "Value")],
    ]),
  ),
);

/** An update in a key's history: without the key, which is known, and with its place and time. */
function past(change: JsonSchema): JsonSchema {
  const { key: _, ...members } = objectOf(change["properties"]);
  const needed = Object.keys(members).filter((name) => !(name in MEANINGS));
  return {
    ...change,
    properties: { seq: ref("Seq"), ...members, time: ref("Time") },
    required: ["seq", "time", ...needed],
  };
}

/** Says what each member means. */
function explained(change: JsonSchema): JsonSchema {
  const properties = objectOf(change["properties"]);
  const told = Object.entries(properties).map(([name, schema]): [string, JsonSchema] => {
    const description = MEANINGS[name];
    return [name, description === undefined ? objectOf(schema) : Object.assign(objectOf(schema), { description })];
  });
  return { ...change, properties: Object.fromEntries(told) };
}

function objectOf(value: JsonSchema[string] | undefined): JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

export const UPDATE_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Update: {
    oneOf: CHANGES.map(explained),
    description: "One change of one key, as published and as sent to subscribers. A typo must not pass.",
    examples: [{ key: "AAPL", patch: { price: 191.3 }, time: 1732096000123 }],
  },
  Batch: {
    oneOf: [ref("Update"), { type: "array", items: ref("Update"), minItems: 1, maxItems: LIMITS.batchUpdates }],
  },
  PastUpdate: {
    oneOf: CHANGES.map(past),
    description: "An update in a key's history. `time` is the publisher's where it gave one, else the server's.",
    examples: [{ seq: 1041, time: 1732096000123, patch: { price: 191.1 } }],
  },
};
