import { toJsonSchemaDefs, type ConversionConfig } from "@valibot/to-json-schema";
import { getMetadata, object, type GenericSchema } from "valibot";
import * as answers from "../protocol/answers.ts";
import { CLIENT_MESSAGES } from "../protocol/client-messages.ts";
import { isJsonObject, readOwnJson, type JsonObject } from "../protocol/json.ts";
import * as parts from "../protocol/schemas.ts";
import { schemaRef } from "../protocol/schemas.ts";
import { SERVER_MESSAGES } from "../protocol/server-messages.ts";
import { batchSchema, pastUpdateSchema, updateIssueSchema, updateSchema } from "../protocol/update.ts";

/** A JSON Schema that OpenAPI 3.1 (draft 2020-12) and AsyncAPI 3 (draft 7) both understand. */
export type JsonSchema = JsonObject;

/** The schemas that the documents name, so that others can refer to them. */
const NAMED = {
  Feed: parts.feedNameSchema,
  Key: parts.keySchema,
  Pattern: parts.patternSchema,
  Value: parts.valueSchema,
  Patch: parts.mergePatchSchema,
  Epoch: parts.epochSchema,
  Seq: parts.seqSchema,
  Position: parts.positionSchema,
  Time: parts.timeSchema,
  Update: updateSchema,
  Batch: batchSchema,
  PastUpdate: pastUpdateSchema,
  Entries: parts.entriesSchema,
  UpdateMessage: SERVER_MESSAGES.update,
  SnapshotMessage: SERVER_MESSAGES.snapshot,
  Issue: updateIssueSchema,
  Problem: answers.problemSchema,
  Receipt: answers.receiptAnswerSchema,
  State: answers.stateSchema,
  Reset: answers.resetSchema,
  List: answers.feedListSchema,
  History: answers.historySchema,
  Stats: answers.statsSchema,
  Health: answers.healthSchema,
} as const;
export type SchemaName = keyof typeof NAMED;

const NAMES = new Map<GenericSchema, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));

const OPTIONS: ConversionConfig = {
  overrideRef: ({ valibotSchema, referenceId }) => schemaRef(NAMES.get(valibotSchema) ?? referenceId).$ref,
  overrideSchema: ({ valibotSchema }) => (valibotSchema === parts.jsonObjectSchema ? { type: "object" } : undefined),
  overrideAction: ({ valibotAction: { type }, jsonSchema }) => {
    // JSON has no other numbers.
    if (type === "finite") return jsonSchema;
    if (type === "safe_integer") return { ...jsonSchema, type: "integer", maximum: Number.MAX_SAFE_INTEGER };
    // A function checks what the schema says in words that JSON Schema knows.
    return type === "raw_check" && jsonSchema.pattern !== undefined ? jsonSchema : undefined;
  },
};

/** The named schemas, as JSON Schema. */
export function namedSchemas(): Record<SchemaName, JsonSchema> {
  return convert(NAMED);
}

/** The messages both ways, as JSON Schema, by type. */
export function messageSchemas(): JsonSchema {
  return convert({ ...NAMED, ...SERVER_MESSAGES, ...CLIENT_MESSAGES });
}

/**
 * The JSON Schemas of the schemas that the server checks with. Refers to named ones. Throws if a rule has no JSON Schema:
 * the documents must not leave out a rule.
 */
export function jsonSchemas(schemas: Readonly<Record<string, GenericSchema>>): JsonSchema {
  // As a member of another one, a named schema is a reference.
  return objectOf(convert({ ...NAMED, whole: object(schemas) }).whole["properties"]);
}

/** Parameters or headers, with their schemas as JSON Schema. */
export function withJsonSchemas(
  described: Record<string, { readonly schema: GenericSchema }>,
): Record<string, JsonSchema> {
  const entries = Object.entries(described);
  const schemas = jsonSchemas(Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])));
  return Object.fromEntries(entries.map(([name, rest]) => [name, { ...rest, schema: schemas[name] ?? {} }]));
}

function convert<Name extends string>(schemas: Readonly<Record<Name, GenericSchema>>): Record<Name, JsonSchema> {
  return readOwnJson<Record<Name, JsonSchema>>(JSON.stringify(toJsonSchemaDefs(schemas, OPTIONS)));
}

/** What a schema says of itself in words, and its first example. */
export function aboutSchema(schema: GenericSchema): { description: string; example: JsonSchema } {
  const { description = "", examples: [example] = [] }: { description?: string; examples?: readonly unknown[] } =
    getMetadata(schema);
  return { description, example: isJsonObject(example) ? example : {} };
}

export function about(name: SchemaName): { description: string; example: JsonSchema } {
  return aboutSchema(NAMED[name]);
}

/** A reference to a named schema. */
export function ref(name: SchemaName): JsonSchema {
  return schemaRef(name);
}

/** An object in a document; an empty one for anything else. */
export function objectOf(value: JsonSchema[string] | undefined): JsonSchema {
  return value !== undefined && isJsonObject(value) ? value : {};
}
