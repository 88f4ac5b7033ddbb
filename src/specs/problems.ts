import { PROBLEMS, type ProblemCode } from "../protocol/codes.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { JsonSchema } from "./json-schema.ts";
import { ref, told } from "./names.ts";

export const PROBLEM_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Issue: told({
    index: { type: "integer", minimum: 0, description: "Which update of the batch." },
    path: { type: "string", description: "Where in it, such as `patch.price`; empty for the whole." },
    message: { type: "string" },
  }),
  Problem: told(
    {
      type: { type: "string", format: "uri", examples: ["urn:tickertape:problem:invalid_update"] },
      title: { enum: Object.values(PROBLEMS).map(({ title }) => title) },
      status: { enum: [...new Set(Object.values(PROBLEMS).map(({ status }) => status))] },
      detail: { type: "string" },
      code: { enum: Object.keys(PROBLEMS) },
      issues: {
        type: "array",
        items: ref("Issue"),
        maxItems: LIMITS.reportedIssues,
        description: "What is wrong with which update.",
      },
    },
    ["issues"],
  ),
};

/** Headers that come with a status. */
const HEADERS: Readonly<Record<number, readonly string[]>> = {
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  415: ["Accept-Post", "Accept-Encoding"],
  429: ["Retry-After"],
  502: ["Retry-After"],
  503: ["Retry-After"],
};

/** The answers that refuse a request, by status. All of them can be `405`, where the method is another. */
export function refusals(...codes: readonly ProblemCode[]): JsonSchema {
  const byStatus = Map.groupBy(new Set([...codes, "method_not_allowed" as const]), (code) => PROBLEMS[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [String(status), refusal(status, codes)]));
}

function refusal(status: number, codes: readonly ProblemCode[]): JsonSchema {
  const [code] = codes;
  const headers = (HEADERS[status] ?? []).map((name) => [name, { $ref: `#/components/headers/${name}` }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(" "),
    headers: Object.fromEntries(headers),
    content: {
      "application/problem+json": {
        schema: {
          allOf: [
            ref("Problem"),
            { type: "object", properties: { status: { const: status }, code: { enum: [...codes] } } },
          ],
        },
        example: code ? exampleOf(code) : {},
      },
    },
  };
}

function exampleOf(code: ProblemCode): JsonSchema {
  const { status, title } = PROBLEMS[code];
  return {
    type: `urn:tickertape:problem:${code}`,
    title,
    status,
    detail: "What was wrong with this request.",
    code,
    ...(code === "invalid_update" && { issues: [{ index: 3, path: "patch", message: "is not a JSON object" }] }),
  };
}
