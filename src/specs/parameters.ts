import type { GenericSchema } from "valibot";
import { ANSWER_HEADERS, PARAMETERS } from "../protocol/parameters.ts";
import { jsonSchemas, type JsonSchema } from "./schemas.ts";

/** Every parameter, by the name that operations refer to it by. */
export function parameters(): Record<string, JsonSchema> {
  const schemas = jsonSchemas(schemasOf(PARAMETERS));
  const entries = Object.entries(PARAMETERS);
  return Object.fromEntries(entries.map(([name, parameter]) => [name, { ...parameter, schema: schemas[name] ?? {} }]));
}

/** Headers of answers, by name. */
export function answerHeaders(): Record<string, JsonSchema> {
  const schemas = jsonSchemas(schemasOf(ANSWER_HEADERS));
  const entries = Object.entries(ANSWER_HEADERS);
  return Object.fromEntries(entries.map(([name, header]) => [name, { ...header, schema: schemas[name] ?? {} }]));
}

function schemasOf(described: Record<string, { readonly schema: GenericSchema }>): Record<string, GenericSchema> {
  return Object.fromEntries(Object.entries(described).map(([name, { schema }]) => [name, schema]));
}
