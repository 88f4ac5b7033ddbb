import { PROBLEMS, type ProblemCode } from "../protocol/codes.ts";
import { PROBLEM_TYPE } from "../protocol/answers.ts";
import type { ANSWER_HEADERS } from "../protocol/parameters.ts";
import { ref, type JsonSchema } from "./schemas.ts";

export type HeaderName = keyof typeof ANSWER_HEADERS;

/** Headers that come with a status. */
const HEADERS: Readonly<Record<number, readonly HeaderName[]>> = {
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  415: ["Accept-Post", "Accept-Encoding"],
  429: ["Retry-After"],
  502: ["Retry-After"],
  503: ["Retry-After"],
};

/** The answers that refuse a request, by status. `405` is always one of them: the answer to another method. */
export function refusals(...codes: readonly ProblemCode[]): JsonSchema {
  const byStatus = Map.groupBy(new Set([...codes, "method_not_allowed" as const]), (code) => PROBLEMS[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [String(status), refusal(status, codes)]));
}

export function headers(...names: readonly HeaderName[]): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function refusal(status: number, codes: readonly ProblemCode[]): JsonSchema {
  const [code] = codes;
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(" "),
    headers: headers(...(HEADERS[status] ?? [])),
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
    type: `${PROBLEM_TYPE}${code}`,
    title,
    status,
    detail: "What was wrong with this request.",
    code,
    ...(code === "invalid_update" && { issues: [{ index: 3, path: "patch", message: "is not a JSON object" }] }),
  };
}
