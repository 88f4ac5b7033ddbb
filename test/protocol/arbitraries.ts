import * as fc from "fast-check";

const NAMES = ["__proto__", "constructor", "prototype", "toString", "key", "set", "a", "b", "", "0"];

/** Well-formed strings of every plane, often with characters that need escaping. */
export const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(...NAMES, '"', "\\", "\n", "\u2028", "\u0000", "€", "😀"),
);

const scalar = fc.oneof(
  text.map((value) => JSON.stringify(value)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.integer().map(String),
  fc.constantFrom("null", "true", "false", "0", "-0", "1e21", "1e-7", "9007199254740993"),
);

const member = fc.oneof({ weight: 1, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: text });

/** JSON as text: parsing it gives objects whose members may be named `__proto__`, which no literal can. */
export const { json: jsonText, object: objectText } = fc.letrec<{ json: string; object: string; array: string }>(
  (tie) => ({
    json: fc.oneof({ depthSize: "small", withCrossShrink: true }, scalar, tie("array"), tie("object")),
    array: fc.array(tie("json"), { maxLength: 4 }).map((items) => `[${items.join()}]`),
    object: fc
      .uniqueArray(fc.tuple(member, tie("json")), { selector: ([name]) => name, maxLength: 4 })
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
  }),
);

/** Keys that the contract allows. */
export const key = fc
  .oneof(
    fc.constantFrom("AAPL", "tech.a", "__proto__", "constructor", '"', "\\", " "),
    fc.string({ unit: "binary", minLength: 1, maxLength: 128 }),
  )
  // oxlint-disable-next-line no-control-regex
  .filter((name) => !/[\u0000-\u001f\u007f-\u009f*,]/.test(name));

/** JSON with the members of all objects in order: equality would not look at members named `__proto__`. */
export function sorted(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : part,
  );
}
