import { expect } from "vitest";
import { follow, type Schema } from "./references.ts";
import { openapi, type Operation } from "./served.ts";
import { findProblems } from "./validate.ts";

/** An answer that the document allows. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed if it is JSON. */
  readonly body: unknown;
  /** The code of a problem. */
  readonly code: string | undefined;
  /** What the document says of answers with this status. */
  readonly described: Schema;
}

/** Headers for HTTP itself, caches, browsers and pages of other origins: any answer may have them. */
const EVERYWHERE =
  /^(content-(type|length|security-policy)|cache-control|vary|referrer-policy|strict-transport-security|x-[a-z-]+|access-control-[a-z-]+|upgrade|connection)$/;

/** Checks an answer by the document: its status, its headers, its type and its body. */
export async function conforms({ method, path, operation }: Operation, response: Response): Promise<Answered> {
  const { status, headers } = response;
  const responses = operation["responses"] as Record<string, Schema>;
  const text = await read(response);
  const said = `${method} ${path}: ${status} ${text}`;
  expect(Object.keys(responses), said).toContain(String(status));
  const described = responses[String(status)]!;
  for (const [name, part] of Object.entries((described["headers"] ?? {}) as Record<string, Schema>)) {
    const header = follow(openapi, part);
    const value = headers.get(name);
    if (header["required"] === true) expect(value, `${name} of ${said}`).not.toBeNull();
    if (value === null) continue;
    const schema = follow(openapi, header["schema"]);
    const plain = schema["type"] === "integer" ? Number(value) : value;
    expect(findProblems(openapi, schema, plain), `${name} of ${said}`).toEqual([]);
  }
  const told = new Set(Object.keys((described["headers"] ?? {}) as Schema).map((name) => name.toLowerCase()));
  const untold = [...headers.keys()].filter((name) => !EVERYWHERE.test(name) && !told.has(name));
  expect(untold, `headers of ${said}`).toEqual([]);
  const content = described["content"] as Record<string, Schema> | undefined;
  if (!content) {
    expect(text, said).toBe("");
    return { status, headers, body: undefined, code: undefined, described };
  }
  const type = (headers.get("Content-Type") ?? "").split(";")[0]!;
  expect(Object.keys(content), said).toContain(type);
  const body: unknown = type.endsWith("json") ? JSON.parse(text) : text;
  expect(findProblems(openapi, content[type]!["schema"] as Schema, body, true), said).toEqual([]);
  const { code } = body as { code?: string };
  return { status, headers, body, code: status < 400 ? undefined : code, described };
}

/** The whole body, unless it is a socket or a stream, which has no end. */
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
