import { request } from "../support/api.ts";
import { follow, type Schema } from "./references.ts";

/** The documents, as the Worker serves them. */
export const openapi = await (await request("/openapi.json")).json<Schema>();
export const asyncapi = await (await request("/asyncapi.json")).json<Schema>();

const METHODS = new Set(["get", "head", "post", "put", "patch", "delete", "options"]);

export interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: Schema;
  readonly parameters: readonly Schema[];
}

/** Every operation of the OpenAPI document, with its parameters and those of its path. */
export const operations: readonly Operation[] = Object.entries(openapi["paths"] as Record<string, Schema>).flatMap(
  ([path, item]) =>
    Object.entries(item as Record<string, Schema>)
      .filter(([method]) => METHODS.has(method))
      .map(([method, operation]) => ({ path, method, operation, parameters: parametersOf(item, operation) })),
);

function parametersOf(...parts: readonly Schema[]): Schema[] {
  return parts.flatMap(({ parameters = [] }) =>
    (parameters as Schema[]).map((parameter) => follow(openapi, parameter)),
  );
}
