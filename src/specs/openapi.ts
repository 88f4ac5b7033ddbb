import { ANSWERS, MESSAGE_SCHEMAS } from "./answers.ts";
import type { JsonSchema } from "./json-schema.ts";
import { NAMES } from "./names.ts";
import { PATHS } from "./operations.ts";
import { HEADERS, PARAMETERS } from "./parameters.ts";
import { PROBLEM_SCHEMAS } from "./problems.ts";
import { UPDATE_SCHEMAS } from "./updates.ts";

/** Of what sockets and streams alone have, `HEAD` says nothing. */
const NOT_BY_HEAD = new Set(["101", "204"]);

const CREDENTIALS: JsonSchema = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "A static key, or a JWT whose `scope` lists `publish:PATTERN`, `subscribe:PATTERN` or `admin`. One that is nobody's is " +
      "refused even where none is needed.",
  },
  token: { type: "apiKey", in: "query", name: "token", description: "For reading, where no header can be set." },
};

/** The OpenAPI 3.1 document of the wire. */
export function openApi(): JsonSchema {
  return {
    openapi: "3.1.0",
    info: {
      title: "Tickertape",
      version: "1.0.0",
      summary: "A live data feed: POST an update, and all who watch it get it.",
      description:
        "Clients ignore members that they do not know. A refused request changes nothing. Pages of other origins are " +
        "allowed as the server's ALLOWED_ORIGINS says.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [{ name: "feeds" }, { name: "server" }],
    paths: Object.fromEntries(Object.entries(PATHS).map(([path, item]) => [path, withHead(path, item)])),
    components: {
      schemas: {
        ...NAMES,
        ...UPDATE_SCHEMAS,
        ...MESSAGE_SCHEMAS,
        ...PROBLEM_SCHEMAS,
        ...Object.fromEntries(Object.entries(ANSWERS).map(([name, { schema }]) => [name, schema])),
      },
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: CREDENTIALS,
    },
  };
}

/** Adds what works wherever `GET` does: `HEAD`, and the preflight of a page of another origin. */
function withHead(path: string, item: JsonSchema): JsonSchema {
  const { get } = item;
  if (typeof get !== "object" || get === null || Array.isArray(get)) return item;
  const id = textOf(get["operationId"]);
  const responses = Object.entries(get["responses"] ?? {}).filter(([status]) => !NOT_BY_HEAD.has(status));
  const head = {
    ...get,
    operationId: `${id}Head`,
    summary: `${textOf(get["summary"])}: the headers alone`,
    responses: Object.fromEntries(responses.map(([status, response]) => [status, withoutContent(response)])),
  };
  // Pages have no need of the others.
  if (!path.startsWith("/v1/") && !path.endsWith(".json")) return { ...item, head };
  const options = {
    operationId: `${id}Preflight`,
    summary: "What pages of other origins may do",
    tags: get["tags"] ?? [],
    security: [],
    responses: {
      204: {
        description: "Allowed, where `Access-Control-Allow-Origin` is there.",
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

function withoutContent(response: JsonSchema[string]): JsonSchema {
  if (typeof response !== "object" || response === null || Array.isArray(response)) return {};
  return Object.fromEntries(Object.entries(response).filter(([name]) => name !== "content"));
}

function textOf(value: JsonSchema[string] | undefined): string {
  return typeof value === "string" ? value : "";
}
