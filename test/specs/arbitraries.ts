import fc from "fast-check";
import { follow, type Schema } from "./references.ts";
import { findProblems } from "./validate.ts";

/** Values that a schema of the document allows. */
export function valid(document: Schema, part: unknown): fc.Arbitrary<unknown> {
  const schema = follow(document, part);
  const examples = Array.isArray(schema["examples"]) ? schema["examples"].map((one: unknown) => fc.constant(one)) : [];
  // Examples come now and then, so that one request meets what another one made.
  const whole = fc.oneof({ weight: 3, arbitrary: build(document, schema) }, ...examples);
  return whole.filter((value) => findProblems(document, schema, value).length === 0);
}

function build(document: Schema, schema: Schema): fc.Arbitrary<unknown> {
  const branches = schema["oneOf"] ?? schema["anyOf"];
  if (Array.isArray(branches)) return fc.oneof(...branches.map((branch) => valid(document, branch)));
  if ("const" in schema) return fc.constant(schema["const"]);
  if (Array.isArray(schema["enum"])) return fc.constantFrom<unknown>(...(schema["enum"] as unknown[]));
  const min = Number(schema["minimum"] ?? schema["exclusiveMinimum"] ?? -1e15);
  const max = Number(schema["maximum"] ?? 1e15);
  switch (schema["type"]) {
    case "string":
      return text(schema);
    case "integer":
      return fc.oneof(fc.maxSafeInteger(), fc.integer({ min: 0, max: 100 }), fc.constantFrom(min, max));
    case "number":
      return fc.oneof(fc.double({ noNaN: true, min, max }), fc.integer({ min: Math.ceil(min), max: Math.floor(max) }));
    case "array":
      return fc.array(valid(document, schema["items"]), { minLength: Number(schema["minItems"] ?? 0), maxLength: 5 });
    case "object": {
      const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
      if (properties.length === 0) return value;
      const members = Object.fromEntries(properties.map(([name, part]) => [name, valid(document, part)]));
      return fc.record(members, { requiredKeys: (schema["required"] ?? []) as string[] });
    }
    default:
      return fc.jsonValue();
  }
}

/** An entry's fields: data of any shape, far from the limits. */
const value = fc
  .dictionary(fc.string({ unit: "grapheme", maxLength: 8 }), fc.jsonValue({ maxDepth: 3, stringUnit: "grapheme" }), {
    maxKeys: 5,
    noNullPrototype: true,
  })
  .map((fields) => JSON.parse(JSON.stringify(fields)) as unknown);

function text({ pattern, maxLength }: Schema): fc.Arbitrary<string> {
  const length = Math.min(Number(maxLength ?? 20), 200);
  const like = typeof pattern === "string" ? [fc.stringMatching(new RegExp(pattern))] : [];
  const any = fc.string({ unit: "grapheme", minLength: 1, maxLength: Math.min(length, 12) });
  return fc.oneof(...like, any, fc.constant("x".repeat(length)));
}

/** JSON that is one step away from `good`: one part is removed, added or replaced. */
export function mutated(good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(
      good,
      fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
      fc.oneof(
        fc.constantFrom<unknown>(
          null,
          "",
          -1,
          0,
          1e300,
          [],
          {},
          "x".repeat(129),
          "a*",
          "a,b",
          "\u0000",
          0.5,
          true,
          false,
        ),
        fc.jsonValue({ maxDepth: 1, stringUnit: "grapheme" }),
      ),
      fc.constantFrom("replace", "remove", "add"),
    )
    .map(([good, way, planted, how]) => mutate(good, way, planted, how));
}

function mutate(good: unknown, [step = 0, ...way]: number[], planted: unknown, how: string): unknown {
  if (typeof good !== "object" || good === null || Object.keys(good).length === 0) return planted;
  const isList = Array.isArray(good);
  const entries = Object.entries(good);
  const [name = "", inner] = entries[step % entries.length] ?? [];
  const rest = entries.filter(([other]) => other !== name);
  let changed: [string, unknown][];
  if (how === "remove") changed = rest;
  else if (how === "add") changed = [...entries, ["added", planted]];
  else changed = [...rest, [name, way.length > 0 ? mutate(inner, way, planted, how) : planted]];
  return isList ? changed.map(([, item]) => item) : Object.fromEntries(changed);
}
