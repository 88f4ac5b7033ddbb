/** A JSON Schema, or any other part of a document. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** What a reference in the document points to. */
export function resolve(document: Schema, reference: string): Schema {
  let found: unknown = document;
  for (const part of reference.replace(/^#\//, "").split("/")) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  if (!reference.startsWith("#/") || !isObject(found)) throw new Error(`nothing is at ${reference}`);
  return found;
}

/** Follows a reference, if the part is one. */
export function follow(document: Schema, part: unknown): Schema {
  const schema = part as Schema;
  return typeof schema["$ref"] === "string" ? follow(document, resolve(document, schema["$ref"])) : schema;
}

export function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
