/** A JSON Schema, as the documents write it. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

const ANNOTATIONS = new Set(["description", "examples", "example", "default", "title", "format"]);

/**
 * Holds a value against a schema of a document, and says what is wrong with it: nothing where it fits. Knows the keywords
 * that the documents use, and throws on any other. With `closed`, an object may have no member that is not described.
 */
export function findProblems(document: Schema, schema: Schema, value: unknown, closed = false, at = ""): string[] {
  const inner = (schema: Schema, value: unknown, at: string): string[] =>
    findProblems(document, schema, value, closed, at);
  const problems: string[] = [];
  const wrong = (what: string): void => void problems.push(`${at || "the whole"} ${what}`);
  const branches = (list: unknown): number =>
    (list as Schema[]).filter((branch) => inner(branch, value, at).length === 0).length;
  for (const [keyword, rule] of Object.entries(schema)) {
    const n = Number(rule);
    if (ANNOTATIONS.has(keyword)) continue;
    switch (keyword) {
      case "$ref":
        problems.push(...inner(resolve(document, String(rule)), value, at));
        break;
      case "allOf":
        for (const part of rule as Schema[]) problems.push(...inner(part, value, at));
        break;
      case "anyOf":
        if (branches(rule) === 0) wrong("fits none of anyOf");
        break;
      case "oneOf":
        if (branches(rule) !== 1) wrong(`fits ${branches(rule)} of oneOf`);
        break;
      case "type":
        if (!isOfType(String(rule), value)) wrong(`is not of type ${String(rule)}`);
        break;
      case "const":
        if (value !== rule) wrong(`is not ${JSON.stringify(rule)}`);
        break;
      case "enum":
        if (!(rule as unknown[]).includes(value)) wrong(`is none of ${JSON.stringify(rule)}`);
        break;
      case "minimum":
        if (typeof value === "number" && value < n) wrong(`is below ${n}`);
        break;
      case "maximum":
        if (typeof value === "number" && value > n) wrong(`is above ${n}`);
        break;
      case "exclusiveMinimum":
        if (typeof value === "number" && value <= n) wrong(`is not above ${n}`);
        break;
      case "minLength":
        if (typeof value === "string" && Array.from(value).length < n) wrong("is too short");
        break;
      case "maxLength":
        if (typeof value === "string" && Array.from(value).length > n) wrong("is too long");
        break;
      case "pattern":
        if (typeof value === "string" && !new RegExp(String(rule), "u").test(value))
          wrong(`is not like ${String(rule)}`);
        break;
      case "minItems":
        if (Array.isArray(value) && value.length < n) wrong("has too few items");
        break;
      case "maxItems":
        if (Array.isArray(value) && value.length > n) wrong("has too many items");
        break;
      case "items":
        if (Array.isArray(value))
          for (const [i, item] of value.entries()) problems.push(...inner(rule as Schema, item, `${at}[${i}]`));
        break;
      case "properties":
        for (const [name, part] of Object.entries(rule as Record<string, Schema>))
          if (isObject(value) && Object.hasOwn(value, name))
            problems.push(...inner(part, value[name], `${at}.${name}`));
        break;
      case "required":
        for (const name of rule as string[])
          if (isObject(value) && !Object.hasOwn(value, name)) wrong(`has no member ${name}`);
        break;
      case "propertyNames":
        if (isObject(value))
          for (const name of Object.keys(value)) problems.push(...inner(rule as Schema, name, `${at} ${name}`));
        break;
      case "additionalProperties":
        break;
      default:
        throw new Error(`the keyword ${keyword} is not known here`);
    }
  }
  if (isObject(value)) {
    const known = isObject(schema["properties"]) ? schema["properties"] : {};
    // What an object's description requires, it describes.
    const more = schema["additionalProperties"] ?? !(closed && "required" in schema);
    for (const name of Object.keys(value)) {
      if (Object.hasOwn(known, name)) continue;
      if (more === false) wrong(`has the unknown member ${name}`);
      else if (isObject(more)) problems.push(...inner(more, value[name], `${at}.${name}`));
    }
  }
  return problems;
}

/** What a reference of the document's points to. */
export function resolve(document: Schema, reference: string): Schema {
  let found: unknown = document;
  for (const part of reference.replace(/^#\//, "").split("/")) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  if (!reference.startsWith("#/") || !isObject(found)) throw new Error(`nothing is at ${reference}`);
  return found;
}

/** The thing itself, where a reference to it may stand. */
export function follow(document: Schema, part: unknown): Schema {
  const schema = part as Schema;
  return typeof schema["$ref"] === "string" ? follow(document, resolve(document, schema["$ref"])) : schema;
}

export function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOfType(type: string, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return Number.isInteger(value);
  if (["string", "number", "boolean"].includes(type)) return typeof value === type;
  throw new Error(`the type ${type} is not known here`);
}
