import type { GenericSchema } from "valibot";
import type { JsonObject } from "../protocol/json.ts";

/** A JSON Schema, as OpenAPI 3.1 (draft 2020-12) and AsyncAPI 3 (draft 7) both understand it. */
export type JsonSchema = JsonObject;

/** What is said of a schema that checks by a function, and so does not tell by itself what it takes. */
export type Told = ReadonlyMap<unknown, JsonSchema>;

/** What each check of a pipe means, by its name; `n` is what it is compared with. */
const CHECKS: Readonly<Record<string, (n: number, type: string) => JsonSchema>> = {
  // JSON has no other numbers.
  finite: () => ({}),
  safe_integer: () => ({ type: "integer", maximum: Number.MAX_SAFE_INTEGER }),
  min_value: (minimum) => ({ minimum }),
  max_value: (maximum) => ({ maximum }),
  gt_value: (exclusiveMinimum) => ({ exclusiveMinimum }),
  max_length: (n, type) => (type === "array" ? { maxItems: n } : { maxLength: n }),
};

/**
 * The JSON Schema of one of the schemas that the server validates with. Throws on what it does not know: a rule that is
 * left out here would be a rule that nobody is told of.
 */
export function jsonSchemaOf(schema: GenericSchema, told: Told = new Map()): JsonSchema {
  return convert(schema, told);
}

function convert(node: unknown, told: Told): JsonSchema {
  const said = told.get(node);
  if (said) return said;
  const pipe = member(node, "pipe");
  if (!Array.isArray(pipe)) return plain(node, told);
  const [base, ...checks] = pipe.map((item): unknown => item);
  const converted = plain(base, told);
  for (const check of checks) {
    const rule = CHECKS[String(member(check, "type"))];
    if (!rule) throw unknownNode(check);
    Object.assign(converted, rule(Number(member(check, "requirement")), String(member(base, "type"))));
  }
  return converted;
}

function plain(node: unknown, told: Told): JsonSchema {
  const type = String(member(node, "type"));
  switch (type) {
    case "string":
    case "number":
      return { type };
    case "unknown":
      return {};
    case "literal": {
      const literal = member(node, "literal");
      return { const: typeof literal === "string" || typeof literal === "boolean" ? literal : null };
    }
    case "picklist":
      return { enum: members(node, "options").map(([, option]) => String(option)) };
    case "array":
      return { type: "array", items: convert(member(node, "item"), told) };
    case "strict_object":
      return strictObject(members(node, "entries"), told);
    default:
      throw unknownNode(node);
  }
}

function strictObject(entries: readonly [name: string, schema: unknown][], told: Told): JsonSchema {
  const properties: JsonSchema = {};
  const required: string[] = [];
  for (const [name, schema] of entries) {
    const isOptional = member(schema, "type") === "exact_optional";
    properties[name] = convert(isOptional ? member(schema, "wrapped") : schema, told);
    if (!isOptional) required.push(name);
  }
  return { type: "object", properties, required, additionalProperties: false };
}

function member(node: unknown, name: string): unknown {
  return typeof node === "object" && node !== null ? Reflect.get(node, name) : undefined;
}

function members(node: unknown, name: string): [name: string, value: unknown][] {
  const object = member(node, name);
  return typeof object === "object" && object !== null ? Object.entries(object) : [];
}

function unknownNode(node: unknown): Error {
  return new Error(`no JSON Schema is known for ${String(member(node, "type"))}`);
}
