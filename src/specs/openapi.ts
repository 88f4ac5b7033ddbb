import { ANSWER_HEADERS, CREDENTIALS, PARAMETERS } from "../protocol/parameters.ts";
import { PATHS } from "./operations.ts";
import { namedSchemas, objectOf, withJsonSchemas, type JsonSchema } from "./schemas.ts";
import { namedValueSchemas, valuesOfFeeds, type ValueSchemas } from "./value-schemas.ts";

/** What only sockets and streams answer: `HEAD` does not. */
const NOT_BY_HEAD = new Set(["101", "204"]);

const SECURITY: JsonSchema = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "A static key, or a JWT whose `scope` lists `publish:PATTERN`, `subscribe:PATTERN`, `metrics` or `admin`. An unknown " +
      "credential is refused even where none is needed.",
  },
  token: { type: "apiKey", in: "query", name: "token", description: CREDENTIALS.token.description },
};

/**
 * The OpenAPI 3.1 document of the wire. `base` is the path that it is served under: empty, or with a slash before it.
 * `values`: what is declared of the values of feeds.
 */
export function openApi(base: string, values: ValueSchemas = new Map()): JsonSchema {
  return {
    ...valuesOfFeeds(values),
    openapi: "3.1.0",
    info: {
      title: "Tickertape",
      version: "1.0.0",
      summary: "A live data feed: POST an update, and every subscriber gets it.",
      description:
        "Clients ignore members that they do not know. A refused request changes nothing. The server's setting " +
        "ALLOWED_ORIGINS says which other origins' pages are allowed.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: base || "/" }],
    tags: [{ name: "feeds" }, { name: "server" }],
    paths: Object.fromEntries(Object.entries(PATHS).map(([path, item]) => [path, withHead(path, item)])),
    components: {
      schemas: { ...namedSchemas(), ...namedValueSchemas(values) },
      parameters: withJsonSchemas(PARAMETERS),
      headers: withJsonSchemas(ANSWER_HEADERS),
      securitySchemes: SECURITY,
    },
  };
}

/** Adds what works wherever `GET` does: `HEAD`, and the preflight for pages of other origins. */
function withHead(path: string, item: JsonSchema): JsonSchema {
  const get = objectOf(item["get"]);
  const id = textOf(get["operationId"]);
  const responses = Object.entries(get["responses"] ?? {}).filter(([status]) => !NOT_BY_HEAD.has(status));
  const head = {
    ...get,
    operationId: `${id}Head`,
    summary: `${textOf(get["summary"])}: only the headers`,
    responses: Object.fromEntries(responses.map(([status, response]) => [status, withoutBody(response)])),
  };
  // Pages do not need the others.
  if (!path.startsWith("/v1/") && !path.endsWith(".json")) return { ...item, head };
  const options = {
    operationId: `${id}Preflight`,
    summary: "What pages of other origins may do",
    tags: get["tags"] ?? [],
    security: [],
    responses: {
      204: {
        description: "Allowed, if there is an `Access-Control-Allow-Origin`.",
        headers: Object.fromEntries(
          ["Origin", "Methods", "Headers"].map((what) => [
            `Access-Control-Allow-${what}`,
            { schema: { type: "string" } },
          ]),
        ),
      },
    },
  };
  return { ...item, head, options };
}

/** The content is in the body, and links are made from it. */
function withoutBody(response: JsonSchema[string]): JsonSchema {
  const members = Object.entries(objectOf(response));
  return Object.fromEntries(members.filter(([name]) => name !== "content" && name !== "links"));
}

function textOf(value: JsonSchema[string] | undefined): string {
  return typeof value === "string" ? value : "";
}
