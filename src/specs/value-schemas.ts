import { schemaRef } from "../protocol/schemas.ts";
import type { JsonSchema } from "./schemas.ts";

/** Schemas of the values of feeds, by the feed's name or a pattern of names. */
export type ValueSchemas = ReadonlyMap<string, JsonSchema>;

/** They, with names that a document may give to schemas. */
export function namedValueSchemas(schemas: ValueSchemas): Record<string, JsonSchema> {
  return Object.fromEntries(
    // With an id, a schema's references are to its own parts.
    [...schemas].map(([feed, schema]) => [nameOf(feed), { ...schema, $id: `urn:tickertape:values:${feed}` }]),
  );
}

/** An extension of a document: which feed has which schema; empty if none has one. */
export function valuesOfFeeds(schemas: ValueSchemas): { "x-feeds"?: JsonSchema } {
  if (schemas.size === 0) return {};
  return { "x-feeds": Object.fromEntries([...schemas.keys()].map((feed) => [feed, { ...schemaRef(nameOf(feed)) }])) };
}

function nameOf(feed: string): string {
  return feed.endsWith("*") ? `ValuesOfAll.${feed.slice(0, -1)}` : `Values.${feed}`;
}
