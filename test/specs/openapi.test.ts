import { describe, expect, test } from "vitest";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf } from "../../src/http/deployment.ts";
import { PROBLEMS } from "../../src/protocol/codes.ts";
import type { Schema } from "./references.ts";
import { openapi, operations } from "./served.ts";

describe("/openapi.json", () => {
  // `test/e2e/specs-standards.test.ts` holds the document against the standard's own schema.
  test("gives each operation a name of its own, and declares every parameter of a path once", () => {
    const ids = operations.map(({ operation }) => operation["operationId"]);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, parameters } of operations) {
      const inPath = parameters.filter((parameter) => parameter["in"] === "path");
      expect(inPath.map(({ name }) => `{${String(name)}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      const names = parameters.map(({ name, in: place }) => `${String(place)} ${String(name)}`);
      expect(new Set(names).size).toBe(names.length);
      // OpenAPI has other places for these.
      for (const name of names) expect(name).not.toMatch(/^header (accept|authorization|content-type)$/i);
    }
  });

  test("has every path and method that is served, and no other", () => {
    const served = createFeedApp(deploymentOf)
      .routes.filter(({ method, path }) => method !== "ALL" && !path.endsWith("*"))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const described = operations
      .filter(({ method, path }) => method !== "head" && !(method === "options" && path.startsWith("/v1/")))
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(described.toSorted()).toEqual([...new Set(served)].toSorted());
  });

  test("names every error code, with its status", () => {
    const named = new Map<string, Set<number>>();
    for (const { operation } of operations)
      for (const [status, response] of Object.entries(operation["responses"] as Record<string, Schema>)) {
        const media = (response["content"] as Record<string, Schema> | undefined)?.["application/problem+json"];
        const parts = (media?.["schema"] as { allOf?: { properties?: { code: { enum: string[] } } }[] })?.allOf ?? [];
        for (const code of parts.flatMap(({ properties }) => properties?.code.enum ?? []))
          named.set(code, (named.get(code) ?? new Set()).add(Number(status)));
      }
    const expected = Object.entries(PROBLEMS).map(([code, { status }]) => [code, new Set([status])] as const);
    expect(Object.fromEntries(named)).toEqual(Object.fromEntries(expected));
  });

  test("describes HEAD as GET without the body", () => {
    const paths = Object.values(openapi["paths"] as Record<string, Record<string, Schema>>);
    for (const { get, head } of paths) {
      expect(head!["parameters"]).toEqual(get!["parameters"]);
      for (const response of Object.values(head!["responses"] as Record<string, Schema>))
        expect(response).not.toHaveProperty("content");
    }
  });
});
