import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import { isObject, type Schema } from "./references.ts";

/** The validator of each document. */
const validators = new WeakMap<Schema, Ajv>();
/** The schemas that were compiled: as they are, and closed. */
const compiled = { open: new WeakMap<Schema, ValidateFunction>(), closed: new WeakMap<Schema, ValidateFunction>() };

/**
 * Checks a value by a schema of a document. Returns what is wrong with it: an empty list if it fits. Throws on a keyword that
 * JSON Schema does not have. With `closed`, an object may have only the members that are described.
 */
export function findProblems(document: Schema, schema: Schema, value: unknown, closed = false): string[] {
  const known = closed ? compiled.closed : compiled.open;
  let validate = known.get(schema);
  if (!validate) {
    // References start at the top of the schema itself.
    const whole = { ...schema, components: document["components"] };
    validate = validatorOf(document).compile(closed ? (close(whole) as Schema) : whole);
    known.set(schema, validate);
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || "the whole"} ${message}`);
}

function validatorOf(document: Schema): Ajv {
  const known = validators.get(document);
  if (known) return known;
  // OpenAPI 3.1 has the keywords of 2020-12, AsyncAPI 3.0 those of draft 7.
  const ajv = "openapi" in document ? new Ajv2020(OPTIONS) : new Ajv(OPTIONS);
  addFormats.default(ajv);
  ajv.addVocabulary(["components", "example"]);
  validators.set(document, ajv);
  return ajv;
}

const OPTIONS = { strict: true, strictRequired: false, allErrors: true } as const;

/** Forbids further members in every object whose members are described. */
function close(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(close);
  if (!isObject(part)) return part;
  const closed = Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, close(inner)]));
  if (!("properties" in part && "required" in part) || "additionalProperties" in part) return closed;
  return { ...closed, additionalProperties: false };
}
