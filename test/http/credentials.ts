import { expect } from "vitest";
import type { ProblemCode } from "../../src/protocol/codes.ts";
import { appWith } from "../support/app.ts";
import { problem } from "../support/http.ts";

export const KEYS = { PUBLISH_KEY: "old-publish, new-publish", ADMIN_KEY: "old-admin,new-admin" };
export const PUBLIC = appWith(KEYS);
export const TOKEN = appWith({ ...KEYS, SUBSCRIBE_ACCESS: "token" });
const UPDATE = '{"key":"A","set":{"p":1}}';

export function posting(headers: Record<string, string>): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: UPDATE };
}

/** Holds a refusal against the contract: a challenge where a credential would help, and no secret in the answer. */
export async function refused(response: Response, code: ProblemCode): Promise<void> {
  const challenge = response.headers.get("WWW-Authenticate");
  expect(challenge).toEqual(code === "unauthorized" ? expect.stringMatching(/^Bearer\b/) : null);
  const text = JSON.stringify(await problem(response, code));
  expect(text).not.toMatch(/old-|new-|wrong|guess/);
}
