// @ts-check
import { element, link, prose, table } from "./dom.js";

/**
 * A part of a document: JSON of this server's own.
 * @typedef {Record<string, any>} Doc
 */

/** Bounds, and how each is told. */
const BOUNDS = /** @type {const} */ ([
  ["minimum", "from"],
  ["exclusiveMinimum", "above"],
  ["maximum", "to"],
  ["minLength", "min length:"],
  ["maxLength", "max length:"],
  ["minItems", "min items:"],
  ["maxItems", "max items:"],
]);

/**
 * What a schema allows, in a line. Schemas with a name are linked.
 * @param {Doc} schema
 * @returns {HTMLElement}
 */
export function typeOf(schema) {
  return element("span", {}, ...words(schema ?? {}));
}

/**
 * @param {Doc} schema
 * @returns {(Node | string)[]}
 */
function words(schema) {
  if (typeof schema["$ref"] === "string") {
    const name = schema["$ref"].split("/").at(-1) ?? "";
    return [link(`#schema-${name}`, name)];
  }
  const several = schema["oneOf"] ?? schema["anyOf"];
  if (several) return ["one of ", ...joined(several)];
  if (schema["allOf"]) return joined(schema["allOf"].filter((/** @type {Doc} */ part) => part["$ref"]));
  if ("const" in schema) return [element("code", {}, JSON.stringify(schema["const"]))];
  if (schema["enum"]) return ["one of ", element("code", {}, schema["enum"].join(", "))];
  if (schema["type"] === "array") return ["array of ", ...words(schema["items"]), ...bounds(schema)];
  /** @type {(Node | string)[]} */
  const said = [schema["type"] ?? "any", ...bounds(schema)];
  if (schema["pattern"]) said.push(" like ", element("code", {}, schema["pattern"]));
  return said;
}

/** @param {Doc[]} schemas */
function joined(schemas) {
  return schemas.flatMap((one, i) => (i === 0 ? words(one) : [", ", ...words(one)]));
}

/** @param {Doc} schema */
function bounds(schema) {
  const told = BOUNDS.filter(([bound]) => bound in schema).map(([bound, word]) => `${word} ${schema[bound]}`);
  return told.length > 0 ? [` (${told.join(", ")})`] : [];
}

/**
 * Tables of the members of the objects that a schema allows, one for each kind of them.
 * @param {Doc} schema
 * @returns {HTMLElement[]}
 */
export function membersOf(schema) {
  const kinds = schema?.["oneOf"] ?? schema?.["anyOf"];
  if (kinds) return kinds.flatMap(membersOf);
  const members = Object.entries(schema?.["properties"] ?? {});
  if (members.length === 0) return [];
  const needed = new Set(schema["required"] ?? []);
  const rows = members.map(([name, member]) => [
    name,
    needed.has(name) ? "always" : "optional",
    typeOf(member),
    prose(member["description"] ?? ""),
  ]);
  return [table(["Member", "Is there", "Type", "What"], rows)];
}
