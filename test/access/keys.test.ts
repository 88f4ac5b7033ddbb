import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accessBy } from "../../src/access/credentials.ts";

const NUL = "\u0000";
const key = fc.stringMatching(/^[!-+\--~]{8,16}$/);
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

  test("in both lists allows what an admin key allows", async () => {
    expect(await granted({ PUBLISH_KEY: "in-both-lists", ADMIN_KEY: "in-both-lists" }, "in-both-lists")).toBe("admin");
  });
});
