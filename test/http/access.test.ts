import { describe, expect, test, vi } from "vitest";
import { bearer, newFeed, request } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { problem, hasObject } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { token } from "../support/tokens.ts";
import { posting, PUBLIC, refused } from "./credentials.ts";

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
    expect(await hasObject(feed)).toBe(false);
  });

  test("takes no key from the query", async () => {
    const feed = newFeed();
    await refused(await PUBLIC(`/v1/feeds/${feed}?token=new-publish`, posting({})), "unauthorized");
    await refused(await PUBLIC(`/v1/feeds/${feed}?token=new-admin`, { method: "DELETE" }), "unauthorized");
    expect(await hasObject(feed)).toBe(false);
  });

  test.each([
    ["nothing set", {}],
    ["empty keys", { PUBLISH_KEY: "", ADMIN_KEY: "" }],
    ["lists of nothing", { PUBLISH_KEY: " , ,", ADMIN_KEY: "," }],
    ["a key that is too short", { PUBLISH_KEY: "guess" }],
  ])("is refused for every caller with %s, and the log says what to set", async (_, settings) => {
    const log = vi.spyOn(console, "warn").mockImplementation(() => {});
    const app = appWith(settings);
    for (const headers of [{}, { Authorization: "Bearer " }, bearer(","), bearer("undefined"), bearer("guess")]) {
      await refused(await app(`/v1/feeds/${newFeed()}`, posting(headers)), "unauthorized");
    }
    expect(log.mock.calls.flat().join()).toContain("PUBLISH_KEY");
    log.mockRestore();
  });
});

async function detail(response: Response): Promise<unknown> {
  return (await problem(response, "unauthorized")).detail;
}

describe("[AUTH1] what a 401 says", () => {
  test.each([
    ["of a token that has ended", () => token("publish:*", { expires: Date.now() - 60_000 }), "The token has expired."],
    [
      "of one that begins later",
      () => token("publish:*", { claims: { nbf: Math.floor(Date.now() / 1000) + 3_600 } }),
      "The token is not valid yet.",
    ],
  ])("%s", async (_, make, text) => {
    const credential = await make();
    const feed = newFeed();
    const headers = bearer(credential);
    expect(await detail(await request(`/v1/feeds/${feed}`, { headers }))).toBe(text);
    expect(await detail(await request(`/v1/feeds/${feed}?token=${credential}`))).toBe(text);
    const socket = await TestSubscriber.connect(feed);
    socket.send({ type: "auth", id: 1, token: credential });
    await socket.until(({ closed }) => closed !== undefined, "the close");
    expect(socket.closed?.code).toBe(4401);
    expect(`${socket.closed?.reason}.`).toBe(text.replace("The", "the"));
  });

  test("is the same for all tokens with a bad signature, whatever they claim", async () => {
    const secret = "a shared secret of another server";
    const credentials = [
      "no-key-of-ours",
      "a.b.c",
      await token("admin", { secret }),
      await token("admin", { secret, expires: Date.now() - 60_000 }),
    ];
    const said = new Set<unknown>();
    for (const credential of credentials) {
      const headers = bearer(credential);
      said.add(await detail(await request(`/v1/feeds/${newFeed()}`, { headers })));
    }
    expect([...said]).toEqual(["The credential is not valid: it is no key, and no token with a good signature."]);
  });

  test("tells a publisher with the credential in the URL to put it into the header", async () => {
    const response = await request(`/v1/feeds/${newFeed()}?token=publish-key`, posting({}));
    expect(await detail(response)).toContain("Authorization: Bearer");
  });
});
