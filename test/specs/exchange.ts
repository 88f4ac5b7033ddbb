import { expect } from "vitest";
import { findProblems, follow, type Schema } from "./evaluate.ts";
import { openapi, type Operation } from "./served.ts";

/** Reads what a parameter says as its schema would have it: text that is no number stays text. */
export function readParameter(parameter: Schema, text: string): unknown {
  const schema = follow(openapi, parameter["schema"]);
  if (schema["type"] === "array") return text.split(",");
  const isNumber = schema["type"] === "number" || schema["type"] === "integer";
  return isNumber && /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
}

/** Holds an answer against what the document says of the operation: its status, its headers, its type and its body. */
export async function conforms({ method, operation }: Operation, response: Response): Promise<string | undefined> {
  const responses = operation["responses"] as Record<string, Schema>;
  const described = responses[String(response.status)];
  const text = await read(response);
  const said = `${response.status} ${text}`;
  expect(Object.keys(responses), said).toContain(String(response.status));
  for (const [name, part] of Object.entries((described!["headers"] ?? {}) as Record<string, Schema>)) {
    const header = follow(openapi, part);
    const value = response.headers.get(name);
    if (header["required"] === true) expect(value, `${name} of ${said}`).not.toBeNull();
    if (value === null) continue;
    expect(findProblems(openapi, header["schema"] as Schema, readParameter(header, value)), name).toEqual([]);
  }
  const content = described!["content"] as Record<string, Schema> | undefined;
  if (!content) {
    expect(text).toBe("");
    return undefined;
  }
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0]!;
  expect(Object.keys(content), said).toContain(type);
  const body: unknown = type.endsWith("json") ? JSON.parse(text) : text;
  expect(findProblems(openapi, content[type]!["schema"] as Schema, body, true), `${method}: ${said}`).toEqual([]);
  return (body as { code?: string }).code;
}

/** All of an answer, but for a stream, which has no end, and a socket. */
async function read(response: Response): Promise<string> {
  if (response.webSocket) {
    response.webSocket.accept();
    response.webSocket.close();
    return "";
  }
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return response.text();
  await response.body?.cancel();
  return "";
}
