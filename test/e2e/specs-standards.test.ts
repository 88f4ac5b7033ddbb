import specs from "@asyncapi/specs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { beforeAll, describe, expect, test } from "vitest";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";

let server: SharedServer;

beforeAll(async () => {
  server = await sharedWorkerd();
});

// It brings the schema of schemas that it is written in.
const ajv = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false });
addFormats.default(ajv);
const isAsyncApi = ajv.compile({ ...specs.schemas["3.0.0"] } as object);

interface Document {
  readonly [name: string]: unknown;
}

/** A document as it is served. */
const served = async (name: Name): Promise<Document> =>
  JSON.parse(await (await fetch(`${server.url}/${name}.json`)).text());

/** Holds a document against the schema that is published with the standard: true, or what is wrong. */
const CHECKS = {
  openapi: async (document: Document): Promise<unknown> => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    return valid || errors;
  },
  asyncapi: async (document: Document): Promise<unknown> => isAsyncApi(document) || isAsyncApi.errors,
};
type Name = keyof typeof CHECKS;

/** A copy of the document with something at a path put in place of what is there; undefined takes it away. */
function planted(document: Document, path: string, value: unknown): Document {
  const copy = structuredClone(document);
  const names = path.split(" ");
  const last = names.pop()!;
  const place = names.reduce<unknown>((at, name) => Reflect.get(at as object, name), copy) as object;
  if (value === undefined) Reflect.deleteProperty(place, last);
  else Reflect.set(place, last, value);
  return copy;
}

const FEED = "/v1/feeds/{feed}";
const DOCUMENTS: [Name, [path: string, value: unknown][]][] = [
  [
    "openapi",
    [
      ["openapi", "4.0.0"],
      ["info title", undefined],
      ["servers 0 url", 1],
      [`paths ${FEED} post responses 200 description`, undefined],
      [`paths ${FEED} post requestBody content`, undefined],
      [`paths ${FEED} get responses 200 links changes operationId`, undefined],
      [`paths ${FEED} get responses 2000`, { description: "no status" }],
      ["components parameters since in", "body"],
      ["components parameters since schema", undefined],
      ["components headers ETag schema", undefined],
      ["components schemas Feed", "text"],
      ["components securitySchemes bearer type", "password"],
    ],
  ],
  [
    "asyncapi",
    [
      ["asyncapi", "2.6.0"],
      ["info version", undefined],
      ["operations deliver action", "shout"],
      ["operations deliver channel", undefined],
      ["channels socket address", 1],
      ["channels socket bindings ws method", "PUT"],
      ["channels socket messages hello", "hello"],
      ["components messages hello payload type", "text"],
      ["components messages hello correlationId location", undefined],
    ],
  ],
];

describe.each(DOCUMENTS)("/%s.json", (name, faults) => {
  test("is what the standard's own schema says", async () => {
    expect(await CHECKS[name](await served(name))).toBe(true);
  });

  test.each(faults)("would not be with another %s", async (path, value) => {
    expect(await CHECKS[name](planted(await served(name), path, value))).not.toBe(true);
  });
});

test("every reference of /openapi.json can be resolved by others", async () => {
  const validator = new Validator();
  await validator.validate(await served("openapi"));
  expect(JSON.stringify(validator.resolveRefs())).not.toContain('"$ref"');
});
