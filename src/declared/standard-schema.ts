import { readOwnJson, type JsonObject } from "../protocol/json.ts";

/**
 * What Tickertape needs of a schema: version 1 of Standard Schema, which valibot, zod, arktype and others have
 * (https://standardschema.dev). Written out, so that the package depends on nothing.
 */
export interface StandardSchema<Input = unknown, Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Where the library can say it: https://standardschema.dev/json-schema */
    readonly jsonSchema?:
      | { readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown> }
      | undefined;
  };
}

type SchemaResult = { readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a value of the schema is written as. What the schema would make of it is not kept: a schema only checks here. */
export type ValueOfSchema<Schema> = Schema extends StandardSchema<infer Input> ? Input : never;

export function isStandardSchema(schema: unknown): schema is StandardSchema {
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) return false;
  if (!("~standard" in schema)) return false;
  const standard = schema["~standard"];
  return typeof standard === "object" && standard !== null && "validate" in standard && "version" in standard;
}

/** What is wrong with a value; empty if nothing. Throws for a schema that does not answer at once. */
export function issuesOf(schema: StandardSchema, value: unknown): readonly SchemaIssue[] {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    // It may reject later.
    result.catch(() => {});
    throw new Error("the schema is asynchronous");
  }
  return result.issues ?? [];
}

/** The schema of values as JSON Schema; undefined where the library cannot say it. */
export function jsonSchemaOf(schema: StandardSchema): JsonObject | undefined {
  try {
    const found = schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" });
    return found && readOwnJson<JsonObject>(JSON.stringify(found));
  } catch {
    // Not every schema has an equal in JSON Schema, such as one with a rule of its own.
    return undefined;
  }
}

/** Where in a value an issue is, such as `bid.levels[0]`; empty for all of it. */
export function pathOf({ path = [] }: SchemaIssue): string {
  let text = "";
  for (const part of path) {
    const key = typeof part === "object" ? part.key : part;
    text += typeof key === "number" ? `[${key}]` : `${text === "" ? "" : "."}${String(key)}`;
  }
  return text;
}
