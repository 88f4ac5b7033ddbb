import { ANSWERS, MESSAGE_SCHEMAS } from "./answers.ts";
import type { JsonSchema } from "./json-schema.ts";
import { LINKS } from "./links.ts";
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

/** The OpenAPI 3.1 document of the wire; `base` is the path that it is served under, empty or with a slash before it. */
export function openApi(base: string): JsonSchema {
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
    servers: [{ url: base || "/" }],
    tags: [{ name: "feeds" }, { name: "server" }],
    paths: Object.fromEntries(Object.entries(PATHS).map(([path, item]) => [path, withHead(path, linked(item))])),
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

/** Adds the links of an item's operations to their answers. */
function linked(item: JsonSchema): JsonSchema {
  const operations = Object.entries(item).map(([method, operation]): [string, JsonSchema[string]] => {
    const { operationId, responses } = objectOf(operation);
    const links = LINKS[textOf(operationId)];
    if (!links) return [method, operation];
    const answers = objectOf(responses);
    return [method, { ...objectOf(operation), responses: { ...answers, 200: { ...objectOf(answers["200"]), links } } }];
  });
  return Object.fromEntries(operations);
}

/** Adds what works wherever `GET` does: `HEAD`, and the preflight of a page of another origin. */
function withHead(path: string, item: JsonSchema): JsonSchema {
  const get = objectOf(item["get"]);
  const id = textOf(get["operationId"]);
  const responses = Object.entries(get["responses"] ?? {}).filter(([status]) => !NOT_BY_HEAD.has(status));
  const head = {
    ...get,
    operationId: `${id}Head`,
    summary: `${textOf(get["summary"])}: the headers alone`,
    responses: Object.fromEntries(responses.map(([status, response]) => [status, withoutBody(response)])),
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

/** A body has the content, and what links are made from. */
function withoutBody(response: JsonSchema[string]): JsonSchema {
  const members = Object.entries(objectOf(response));
  return Object.fromEntries(members.filter(([name]) => name !== "content" && name !== "links"));
}

function objectOf(value: JsonSchema[string] | undefined): JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function textOf(value: JsonSchema[string] | undefined): string {
  return typeof value === "string" ? value : "";
}
