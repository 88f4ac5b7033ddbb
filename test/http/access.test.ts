import { describe, expect, test, vi } from "vitest";
import { newFeed, publish, request } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { storedTables } from "../support/http.ts";
import { bearer, posting, PUBLIC, refused } from "./credentials.ts";

describe("publishing", () => {
  test.each(["old-publish", "new-publish", "old-admin", "new-admin"])(
    "is allowed with %s: each key of a list is good",
    async (key) => {
      expect((await PUBLIC(`/v1/feeds/${newFeed()}`, posting(bearer(key)))).status).toBe(200);
    },
  );

  test.each(["bearer new-publish", "BEARER new-publish", "Bearer   new-publish"])(
    "is allowed with Authorization: %s",
    async (Authorization) => {
      expect((await PUBLIC(`/v1/feeds/${newFeed()}`, posting({ Authorization }))).status).toBe(200);
    },
  );

  test.each([
    ["none", {}],
    ["a wrong key", bearer("wrong")],
    ["the whole list of keys", bearer("old-publish,new-publish")],
    ["part of a key", bearer("new-publis")],
    ["a key in another case", bearer("NEW-PUBLISH")],
    ["a comma", bearer(",")],
    ["an empty header", { Authorization: "" }],
    ["a scheme alone", { Authorization: "Bearer" }],
    ["a scheme and a space", { Authorization: "Bearer " }],
    ["a key alone", { Authorization: "new-publish" }],
    ["another scheme", { Authorization: "Basic new-publish" }],
    ["two keys", bearer("guess new-publish")],
  ])("is refused with %s", async (_, headers) => {
    const feed = newFeed();
    await refused(await PUBLIC(`/v1/feeds/${feed}`, posting(headers)), "unauthorized");
    expect(await storedTables(feed)).toEqual([]);
  });

  test("takes no key from the query", async () => {
    const feed = newFeed();
    await refused(await PUBLIC(`/v1/feeds/${feed}?token=new-publish`, posting({})), "unauthorized");
    await refused(await PUBLIC(`/v1/feeds/${feed}?token=new-admin`, { method: "DELETE" }), "unauthorized");
    expect(await storedTables(feed)).toEqual([]);
  });

  test.each([
    ["nothing set", {}],
    ["empty keys", { PUBLISH_KEY: "", ADMIN_KEY: "" }],
    ["lists of nothing", { PUBLISH_KEY: " , ,", ADMIN_KEY: "," }],
    ["a key that is too short", { PUBLISH_KEY: "guess" }],
  ])("is refused to everyone with %s, and the log says what to set", async (_, settings) => {
    const log = vi.spyOn(console, "warn").mockImplementation(() => {});
    const app = appWith(settings);
    for (const headers of [{}, { Authorization: "Bearer " }, bearer(","), bearer("undefined"), bearer("guess")]) {
      await refused(await app(`/v1/feeds/${newFeed()}`, posting(headers)), "unauthorized");
    }
    expect(log.mock.calls.flat().join()).toContain("PUBLISH_KEY");
    log.mockRestore();
  });
});

describe("resetting a feed", () => {
  test.each(["old-admin", "new-admin"])("is allowed with %s", async (key) => {
    const response = await PUBLIC(`/v1/feeds/${newFeed()}`, { method: "DELETE", headers: bearer(key) });
    expect(response.status).toBe(200);
  });

  test.each([
    ["a publish key", bearer("new-publish"), "forbidden"],
    ["a wrong key", bearer("wrong"), "unauthorized"],
    ["none", {}, "unauthorized"],
  ] as const)("is refused with %s", async (_, headers, code) => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    await refused(await PUBLIC(`/v1/feeds/${feed}`, { method: "DELETE", headers }), code);
    expect(await (await request(`/v1/feeds/${feed}`)).json()).toMatchObject({ seq: 1, entries: { A: {} } });
  });
});
