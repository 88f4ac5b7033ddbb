import { describe, expect, test } from "vitest";
import type { Caller } from "../../src/access/access.ts";
import { accessBy, type AccessSettings } from "../../src/access/credentials.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";

async function caller(settings: AccessSettings, credential?: string): Promise<Caller> {
  const found = await accessBy(settings).identify(credential);
  if (typeof found === "string") throw new Error(`the credential is ${found}`);
  return found;
}

const identity = async (claims: Record<string, unknown>, expires?: number): Promise<string> => {
  const options = expires === undefined ? { claims } : { claims, expires };
  return (await caller({ JWT_SECRET }, await token("publish:*", options))).id;
};

describe("[AUTH6] who a caller is", () => {
  test("[I7] by a key stays the same when the list of keys changes its order, and has no part of the key", async () => {
    const before = await caller({ PUBLISH_KEY: "old-secret,new-secret" }, "new-secret");
    const after = await caller({ PUBLISH_KEY: "new-secret, next-secret" }, "new-secret");
    expect(after.id).toBe(before.id);
    expect(after.id).not.toContain("new-secret");
    expect((await caller({ PUBLISH_KEY: "new-secret,next-secret" }, "next-secret")).id).not.toBe(after.id);
  });

  test("[IDEM1] is one publisher for all publish keys, as they are rotated, and another for admin keys and each token", async () => {
    const settings = { PUBLISH_KEY: "old-secret,new-secret", ADMIN_KEY: "admin-secret", JWT_SECRET };
    const of = async (credential?: string): Promise<string> => {
      const { kind, principal } = await caller(settings, credential);
      return `${kind}: ${principal}`;
    };
    expect(await of("old-secret")).toBe("key: publish key");
    expect(await of("new-secret")).toBe("key: publish key");
    expect(await of("admin-secret")).toBe("key: admin key");
    expect(await of()).toBe("anonymous: ");
    const signed = await token("publish:*", { claims: { sub: "publish key" } });
    const { kind, id, principal } = await caller(settings, signed);
    expect([kind, principal]).toEqual(["token", id]);
    expect(principal).not.toBe("publish key");
  });

  test("by tokens is the issuer's subject, also after a renewal", async () => {
    const ada = await identity({ iss: "https://a.test", sub: "ada" });
    expect(await identity({ iss: "https://a.test", sub: "ada" }, Date.now() + 60_000)).toBe(ada);
    expect(await identity({ iss: "https://a.test", sub: "ada", jti: "7" })).toBe(ada);
    expect(await identity({ iss: "https://b.test", sub: "ada" })).not.toBe(ada);
    expect(await identity({ iss: "https://a.test", sub: "bob" })).not.toBe(ada);
    const long = "x".repeat(500);
    expect(await identity({ sub: `${long}1` })).not.toBe(await identity({ sub: `${long}2` }));
  });

  test("[I7] by a token without a subject is that token: it cannot use up another's share", async () => {
    const seen = new Set<string>();
    for (const claims of [{ client: "alice" }, { client: "bob" }, { sub: "" }, { jti: "1" }, { jti: "2" }]) {
      seen.add(await identity(claims));
    }
    expect(seen.size).toBe(5);
    expect(await identity({ jti: "1", iat: 5 })).toBe(await identity({ jti: "1", iat: 6 }));
    // The end of a signature can be written in four ways: that makes no four callers of one.
    const signed = await token("publish:*", { claims: { client: "carol" } });
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = digits.indexOf(signed.at(-1) ?? "");
    const ids = new Set<string>();
    for (const bits of [0, 1, 2, 3]) {
      const found = await accessBy({ JWT_SECRET }).identify(`${signed.slice(0, -1)}${digits[(last & ~3) | bits]}`);
      if (typeof found !== "string") ids.add(found.id);
    }
    expect(ids.size).toBe(1);
  });
});
