import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ADMIN_KEY, newFeed, post, PUBLISH_KEY, request } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { inOrder, withstood } from "./watched.ts";
import { CANARY, encoded, headers, number, query, sendable, text } from "./requests.ts";

const SEED = 20_262;
const LONG = { timeout: 600_000 };
const BODY = '{"key":"A","patch":{"p":2}}';

/** Holds an answer against the contract, and ends it. Returns its code. */
async function answered(response: Response, secrets: readonly string[]): Promise<string> {
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
  const code = isStream ? "served" : await inOrder(response, secrets);
  response.webSocket?.accept();
  response.webSocket?.close();
  if (!response.bodyUsed) await response.body?.cancel();
  return code;
}

const method = fc.constantFrom("GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH");
const changing = new Set(["POST", "DELETE"]);
const rest = fc.constantFrom("", "", "/history", "/stats", "/nothing", "/");
const secret = fc.constantFrom("", `token=${CANARY}`, `token=${CANARY}&token=${CANARY}`, `TOKEN=${CANARY}`);

describe("a request", () => {
  test(
    "with any query and headers, and no credential, is served or refused in order, and changes nothing",
    LONG,
    async () => {
      const input = fc.record({ method, rest, query, secret, headers });
      await fc.assert(
        fc.asyncProperty(fc.array(input, { minLength: 40, maxLength: 40 }), (inputs) =>
          withstood(async (watched) => {
            for (const { method, rest, query, secret, headers } of inputs) {
              const sent = sendable(method, headers);
              const init = { method, headers: sent, ...(method === "POST" && { body: BODY }) };
              const response = await request(`/v1/feeds/${watched.feed}${rest}?${query}&${secret}`, init);
              const code = await answered(response, [CANARY]);
              if (method === "POST" || method === "DELETE") expect(code).not.toBe("served");
            }
            await watched.isUnchanged();
          }),
        ),
        { numRuns: runs(4), seed: SEED },
      );
    },
  );

  test(
    "with a good credential and any query and headers is served or refused, and what is refused changes nothing",
    LONG,
    async () => {
      const credential = fc.constantFrom(PUBLISH_KEY, ADMIN_KEY);
      const good = fc.record({
        method: fc.constantFrom("POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE"),
        // A publish key resets nothing, with whatever beside it.
        query: fc.oneof(query, fc.constant(`token=${ADMIN_KEY}`)),
        headers,
        credential,
      });
      await fc.assert(
        fc.asyncProperty(fc.array(good, { minLength: 40, maxLength: 40 }), (inputs) =>
          withstood(async (watched) => {
            for (const { method, query, headers, credential } of inputs) {
              const sent = sendable(method, [["Content-Type", "application/json"], ...headers]);
              sent.set("Authorization", `Bearer ${credential}`);
              const init = { method, headers: sent, ...(method === "POST" && { body: BODY }) };
              const response = await request(`/v1/feeds/${watched.feed}?${query}`, init);
              const code = await answered(response, [credential, ADMIN_KEY]);
              if (method === "DELETE") expect(code).toBe(credential === ADMIN_KEY ? "served" : "forbidden");
              if (changing.has(method) && code === "served") await watched.hasChanged();
              else await watched.isUnchanged();
            }
          }),
        ),
        { numRuns: runs(2), seed: SEED },
      );
    },
  );

  test("for any name of a feed is served for exactly that name or refused", LONG, async () => {
    const piece = fc.constantFrom(
      "..",
      ".",
      "%2e%2e",
      "%2f",
      "%5c",
      "\\",
      "/",
      "//",
      "%00",
      "%0d%0a",
      "%25",
      "%ff",
      "a",
      "stocks",
      "-",
      "_",
      "ä",
      "🚀",
      "\u202e",
      "A",
      "ﬀ",
      "x".repeat(64),
      ";",
      "?",
      "#",
      "@",
      ":",
      "~",
      "\u00ad",
      "%61",
      "*",
      "constructor",
      "__proto__",
    );
    const name = fc.oneof(
      fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("")),
      encoded(text),
    );
    const init = fc.constantFrom<RequestInit>({}, { method: "HEAD" }, { headers: { Upgrade: "websocket" } });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, init), { minLength: 40, maxLength: 40 }), (inputs) =>
        withstood(async () => {
          for (const [name, init] of inputs) {
            const path = `/v1/feeds/${name}`;
            const response = await request(path, init);
            await answered(response, []);
            const { pathname } = new URL(path, "https://feeds.test");
            const published = await post(name, BODY);
            const code = await inOrder(published);
            if (code !== "served") continue;
            // The name is one piece of the path, as a URL has it, and one of the contract's.
            const { feed } = await published.json<{ feed: string }>();
            expect(feed).toMatch(/^[a-z0-9][a-z0-9._-]{0,63}$/);
            expect(pathname.split("/").map((part) => decodeURIComponent(part))).toEqual(["", "v1", "feeds", feed]);
          }
        }),
      ),
      { numRuns: runs(2), seed: SEED },
    );
  });
});

test("a list asked for after anything is a list", LONG, async () => {
  await fc.assert(
    fc.asyncProperty(encoded(text), encoded(fc.oneof(number, text)), async (after, limit) => {
      for (const query of [`after=${after}`, `limit=${limit}`, `after=${after}&limit=${limit}`]) {
        const response = await request(`/v1/feeds?${query}`);
        if ((await inOrder(response)) === "served") expect(await response.json()).toHaveProperty("feeds");
      }
    }),
    { numRuns: runs(20), seed: SEED },
  );
  expect((await post(newFeed(), BODY)).status).toBe(200);
});
