import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemCode } from "../../src/protocol/codes.ts";
import { ADMIN_KEY, newFeed, publish, request } from "../support/api.ts";
import { feedState, listedFeeds, problem, storedTables } from "../support/http.ts";

/** A request that must be refused. */
export interface BadRequest {
  what: string;
  code: ProblemCode;
  method?: string;
  /** What comes after the feed's URL. */
  rest?: string;
  headers?: Record<string, string>;
  body?: BodyInit | (() => Promise<BodyInit>);
}

/** Tests that each request is refused as it should be, and leaves no trace: neither in a feed nor where there is none. */
export function describeRefusals(what: string, cases: readonly BadRequest[]): void {
  describe(`${what} is refused and changes nothing`, () => {
    const feed = newFeed();
    let before: unknown;
    beforeAll(async () => {
      await publish(feed, [
        { key: "A", set: { p: 1 }, version: 1 },
        { key: "B", set: {} },
      ]);
      before = await feedState(feed);
    });

    test.each(cases.map((bad) => [bad.what, bad.code, bad] as const))("%s: %s", async (_what, _code, bad) => {
      const response = await send(feed, bad);
      if (bad.code === "method_not_allowed") expect(response.headers.get("Allow")).toMatch(/^GET, HEAD/);
      if (bad.code === "unauthorized") expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
      await problem(response, bad.code);
      expect(await feedState(feed)).toEqual(before);
      const fresh = newFeed();
      await problem(await send(fresh, bad), bad.code);
      expect(await storedTables(fresh)).toEqual([]);
      expect(await listedFeeds()).not.toContain(fresh);
    });
  });
}

async function send(feed: string, { method = "POST", rest = "", headers = {}, body }: BadRequest): Promise<Response> {
  const isPost = method === "POST";
  return request(`/v1/feeds/${feed}${rest}`, {
    method,
    headers: {
      Authorization: `Bearer ${ADMIN_KEY}`,
      ...(isPost && { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(isPost && { body: (typeof body === "function" ? await body() : body) ?? null }),
  });
}
