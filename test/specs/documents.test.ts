import { describe, expect, test } from "vitest";
import { request } from "../support/api.ts";
import { isObject, resolve, type Schema } from "./references.ts";
import { findProblems } from "./validate.ts";
import { asyncapi, openapi } from "./served.ts";

/** Every object of a document, with its path. */
function* objects(part: unknown, path: readonly string[] = []): Generator<[string, Schema]> {
  if (typeof part !== "object" || part === null) return;
  if (isObject(part)) yield [path.join("/"), part];
  for (const [name, inner] of Object.entries(part)) yield* objects(inner, [...path, name]);
}

describe.each([
  ["openapi", openapi],
  ["asyncapi", asyncapi],
])("/%s.json", (name, document) => {
  test("has no reference that leads nowhere", () => {
    const references = [...objects(document)].flatMap(([, part]) =>
      typeof part["$ref"] === "string" ? [part["$ref"]] : [],
    );
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) expect(() => resolve(document, reference)).not.toThrow();
  });

  test("has only valid schemas", () => {
    const described = [...objects(document)].filter(([path]) => !path.includes("examples"));
    const schemas = described.flatMap(([, part]) => [part["schema"], part["payload"]]).filter(isObject);
    schemas.push(
      ...Object.values((document["components"] as Record<string, Schema>)["schemas"] as Schema).filter(isObject),
    );
    expect(schemas.length).toBeGreaterThan(20);
    for (const schema of schemas)
      expect(() => findProblems(document, schema, {}), JSON.stringify(schema)).not.toThrow();
    for (const none of [{ type: "text" }, { maxLength: "64" }, { required: "key" }, { pattern: "[" }, { maxlength: 1 }])
      expect(() => findProblems(document, none, {})).toThrow();
    expect(() => findProblems(document, { $ref: "#/components/schemas/Nothing" }, {})).toThrow();
  });

  test("has no part that is not referred to", () => {
    const text = JSON.stringify(document);
    for (const [kind, parts] of Object.entries(document["components"] as Record<string, Schema>)) {
      if (kind === "securitySchemes") continue;
      for (const part of Object.keys(parts)) expect(text).toContain(`"#/components/${kind}/${part}"`);
    }
  });

  test("has examples, and each fits its schema", () => {
    let checked = 0;
    const check = (where: string, schema: unknown, example: unknown): void => {
      checked++;
      expect(findProblems(document, schema as Schema, example, true), where).toEqual([]);
    };
    for (const [path, part] of objects(document)) {
      if (isObject(part["schema"]) && "example" in part) check(path, part["schema"], part["example"]);
      if (isObject(part["payload"]) && Array.isArray(part["examples"]))
        for (const { payload } of part["examples"] as Schema[]) check(path, part["payload"], payload);
      else if (Array.isArray(part["examples"]) && !path.includes("parameters"))
        for (const example of part["examples"] as unknown[]) check(path, part, example);
    }
    expect(checked).toBeGreaterThan(15);
  });

  test("may be cached for a while, and is revalidated cheaply", async () => {
    const response = await request(`/${name}.json`);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(response.headers.get("Cache-Control")).toBe("public, max-age=300");
    const tag = response.headers.get("ETag")!;
    expect(tag).toMatch(/^"\S+"$/);
    expect(await response.text()).toBe(JSON.stringify(document));
    for (const known of [tag, `"x", W/${tag}`, "*"]) {
      const again = await request(`/${name}.json`, { headers: { "If-None-Match": known } });
      expect([again.status, again.headers.get("ETag"), await again.text()]).toEqual([304, tag, ""]);
    }
    const other = await request(`/${name}.json`, { headers: { "If-None-Match": '"x"' } });
    expect(other.status).toBe(200);
    await other.text();
  });

  test("is shared only with allowed origins, and refuses other methods", async () => {
    for (const [origin, allowed] of [
      ["https://feeds.test", "https://feeds.test"],
      ["https://evil.example", null],
    ] as const) {
      const preflight = { Origin: origin, "Access-Control-Request-Method": "GET" };
      for (const init of [{ headers: { Origin: origin } }, { method: "OPTIONS", headers: preflight }]) {
        const response = await request(`/${name}.json`, init);
        expect(response.headers.get("Access-Control-Allow-Origin")).toBe(allowed);
        await response.text();
      }
    }
    const refused = await request(`/${name}.json`, { method: "POST" });
    expect(refused.headers.get("Allow")).toBe("GET, HEAD");
  });
});
