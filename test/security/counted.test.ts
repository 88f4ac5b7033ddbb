import { expect, test } from "vitest";
import { newFeed } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { problem } from "../support/http.ts";

/** Whatever they are, they may not be a way to ask more often than others. */
const BAD: [what: string, path: string, headers: Record<string, string>][] = [
  ["a wrong key", "", { Authorization: "Bearer guess" }],
  ["no scheme", "", { Authorization: "guess" }],
  ["another scheme", "", { Authorization: "Basic Z3Vlc3M=" }],
  ["two keys", "", { Authorization: "Bearer guess guess" }],
  ["nothing", "", { Authorization: "" }],
  ["a token given twice", "?token=guess&token=guess", {}],
  ["an empty token", "?token=", {}],
  ["an empty subprotocol", "", { "Sec-WebSocket-Protocol": "bearer." }],
];

test.each(BAD)("requests with %s are counted by client IP", async (_, query, headers) => {
  let asked: string[] = [];
  const ADDRESS_RATE = {
    limit: async ({ key }: { key: string }) => ({ success: (asked = [...asked, key]).length <= 2 }),
  };
  const app = appWith({ PUBLISH_KEY: "a-publish-key", ADDRESS_RATE });
  const codes: number[] = [];
  for (let i = 0; i < 4; i++) {
    const init = { headers: { "CF-Connecting-IP": "203.0.113.7", ...headers } };
    const response = await app(`/v1/feeds/${newFeed()}${query}`, init);
    codes.push(response.status);
    if (i >= 2) await problem(response, "rate_limited");
  }
  expect(codes.slice(0, 2).every((status) => status === 400 || status === 401)).toBe(true);
  expect(asked).toEqual(Array.from({ length: 4 }, () => "203.0.113.7"));
});
