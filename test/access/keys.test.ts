import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accessBy } from "../../src/access/credentials.ts";

const NUL = "\u0000";
// A colon sets feeds apart from their key.
const key = fc.stringMatching(/^[!-+\--9;-~]{8,16}$/);
const near = fc
  .tuple(key, fc.constantFrom("", NUL, NUL.repeat(9), "x", "x".repeat(500), "é"))
  .map((parts) => parts.join(""));

async function granted(settings: Parameters<typeof accessBy>[0], credential: string): Promise<string> {
  const caller = await accessBy(settings).identify(credential);
  if (typeof caller === "string") return "nothing";
  const { publish, admin } = caller.on("any");
  return admin ? "admin" : publish ? "publish" : "less";
}

describe("a credential", () => {
  test("is good if it equals one of the keys to the last character, and no other is", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(key, { maxLength: 4 }),
        fc.array(key, { maxLength: 4 }),
        fc.oneof(near, key),
        async (publishers, admins, other) => {
          const settings = { PUBLISH_KEY: publishers.join(), ADMIN_KEY: admins.join(" , ") };
          for (const credential of [...publishers, ...admins, other, "", ...publishers.map((known) => known + NUL)]) {
            const expected = admins.includes(credential)
              ? "admin"
              : publishers.includes(credential)
                ? "publish"
                : "nothing";
            expect(await granted(settings, credential)).toBe(expected);
          }
        },
      ),
    );
  });

  test.each([
    ["longer than all keys", "the-secret-and-more"],
    ["the start of a key", "the-secre"],
    ["a key and a zero character", `a-short1${NUL}`],
    ["zero characters alone", NUL.repeat(6)],
    ["empty", ""],
  ])("is refused that is %s", async (_, credential) => {
    expect(await granted({ PUBLISH_KEY: "a-short1,the-secret" }, credential)).toBe("nothing");
  });

  test("may be a key of any length", async () => {
    const long = "k".repeat(5_000);
    expect(await granted({ PUBLISH_KEY: `a-short1,${long}` }, long)).toBe("publish");
    expect(await granted({ PUBLISH_KEY: `a-short1,${long}` }, `${long}k`)).toBe("nothing");
    expect(await granted({ PUBLISH_KEY: `a-short1,${long}` }, "a-short1")).toBe("publish");
  });

  test("may be limited to feeds, and is then good for these alone; a colon behind anything else is a part of it", async () => {
    const settings = {
      PUBLISH_KEY: "stocks:for-stocks, team-*:for-teams,Not-a-name:key-with-colon",
      ADMIN_KEY: "stocks:for-admins",
    };
    const access = accessBy(settings);
    const on = async (credential: string, feed: string): Promise<string> => {
      const caller = await access.identify(credential);
      if (typeof caller === "string") return caller;
      const { publish, admin } = caller.on(feed);
      return admin ? "admin" : publish ? "publish" : "less";
    };
    expect(await on("for-stocks", "stocks")).toBe("publish");
    expect(await on("for-stocks", "stocks2")).toBe("less");
    expect(await on("for-teams", "team-1")).toBe("publish");
    expect(await on("for-teams", "stocks")).toBe("less");
    expect(await on("for-admins", "stocks")).toBe("admin");
    expect(await on("for-admins", "bonds")).toBe("less");
    expect(await on("stocks:for-stocks", "stocks")).toBe("invalid");
    expect(await on("Not-a-name:key-with-colon", "bonds")).toBe("publish");
    const principals = ["for-stocks", "for-teams", "Not-a-name:key-with-colon"].map(async (credential) => {
      const caller = await access.identify(credential);
      return typeof caller === "string" ? caller : caller.principal;
    });
    expect(await Promise.all(principals)).toEqual(["publish key for stocks", "publish key for team-*", "publish key"]);
    expect(access.refused).toEqual([]);
    expect(accessBy({ PUBLISH_KEY: "stocks:short" }).refused).toEqual([
      expect.stringMatching(/^PUBLISH_KEY not accepted/),
    ]);
  });

  test("in both lists allows what an admin key allows", async () => {
    expect(await granted({ PUBLISH_KEY: "in-both-lists", ADMIN_KEY: "in-both-lists" }, "in-both-lists")).toBe("admin");
  });
});
