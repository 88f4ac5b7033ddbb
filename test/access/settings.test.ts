import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, describe, expect, test, vi } from "vitest";
import { accessBy, type AccessSettings } from "../../src/access/credentials.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";
import { allowed } from "./allowed.ts";

const DAY = 24 * 3_600_000;

describe("[AUTH3] bad keys", () => {
  test.each([
    ["PUBLISH_KEY", "a"],
    ["PUBLISH_KEY", "seven-7"],
    ["ADMIN_KEY", "seven-7"],
    ["METRICS_KEY", "seven-7"],
    ["PUBLISH_KEY", "two words"],
    ["ADMIN_KEY", "schlüssel"],
  ])("are not accepted, and the log says so in a sentence without them: %s of %j", async (name, key) => {
    const settings: AccessSettings = { [name]: key };
    expect(await allowed(settings, key)).toBe("invalid");
    const { refused, unconfigured } = accessBy(settings);
    expect(refused).toEqual([expect.stringMatching(new RegExp(`^${name} not accepted.* 8 characters`))]);
    expect(unconfigured).toContain(refused[0]);
    expect(refused[0]).not.toMatch(new RegExp(`\\b${key}\\b`));
  });

  test("do not affect those beside them", async () => {
    const settings = { PUBLISH_KEY: "short, long-enough", ADMIN_KEY: "short", METRICS_KEY: "" };
    expect(await allowed(settings, "long-enough")).toBe("publish");
    expect(await allowed(settings, "short")).toBe("invalid");
    const { refused, unconfigured } = accessBy(settings);
    expect(unconfigured).toBeUndefined();
    expect(refused).toEqual([
      expect.stringContaining("1 of 2 in PUBLISH_KEY not accepted"),
      expect.stringContaining("ADMIN_KEY not accepted"),
    ]);
  });

  test("may have every character that openssl writes and a header can have", async () => {
    for (const key of ["ab/cd+ef==", "!\"#$%&'()*+-./", "12345678"]) {
      expect(await allowed({ PUBLISH_KEY: key }, key)).toBe("publish");
    }
    expect(accessBy({ PUBLISH_KEY: "12345678" }).refused).toEqual([]);
  });
});

describe("[AUTH3] the secret of tokens", () => {
  test.each(["x", "x".repeat(31)])(
    "is not accepted where it is too short, and with it no token: %j",
    async (secret) => {
      const settings = { JWT_SECRET: secret };
      expect(await allowed(settings, await token("admin", { secret }))).toBe("invalid");
      expect(accessBy(settings).unconfigured).toMatch(
        /^no publish can be accepted: JWT_SECRET not accepted.* 32 bytes/,
      );
    },
  );

  test("can be rotated: several are good, each by itself", async () => {
    const [old, next] = ["an old secret of thirty-two bytes", "the next secret of 32 bytes here"];
    const settings = { JWT_SECRET: `${old}, ${next},too short` };
    expect(accessBy(settings).refused).toEqual([expect.stringContaining("1 of 3 in JWT_SECRET")]);
    expect(await allowed(settings, await token("publish:stocks", { secret: old }))).toBe("publish");
    expect(await allowed(settings, await token("publish:stocks", { secret: next }))).toBe("publish");
    expect(await allowed(settings, await token("admin", { secret: "too short" }))).toBe("invalid");
    expect(await allowed(settings, await token("admin", { secret: `${old}, ${next}` }))).toBe("invalid");
  });

  test("is counted in bytes", async () => {
    const secret = "ü".repeat(16);
    expect(await allowed({ JWT_SECRET: secret }, await token("admin", { secret }))).toBe("admin");
  });
});

async function ending(expires: number): Promise<string> {
  return allowed({ JWT_SECRET }, await token("publish:stocks", { expires }));
}

test("a token that ends in more than 366 days is refused", async () => {
  expect(await ending(Date.now() + 366 * DAY - 60_000)).toBe("publish");
  expect(await ending(Date.now() + 366 * DAY + 60_000)).toBe("too long");
  expect(await ending(Date.UTC(9999, 0))).toBe("too long");
});

test("a metrics key and the scope metrics allow to read the figures of all feeds, and nothing else", async () => {
  const settings = { METRICS_KEY: "metrics-key", ADMIN_KEY: "admin-key", PUBLISH_KEY: "publish-key", JWT_SECRET };
  expect(await allowed(settings, "metrics-key")).toBe("metrics");
  expect(await allowed({ ...settings, SUBSCRIBE_ACCESS: "public" }, "metrics-key")).toBe("subscribe metrics");
  expect(await allowed(settings, "publish-key")).toBe("publish");
  expect(await allowed(settings, await token("metrics"))).toBe("metrics");
  expect(await allowed(settings, await token("publish:stocks metrics:stocks"))).toBe("publish");
  expect(accessBy({ METRICS_KEY: "metrics-key" }).unconfigured).toContain("no publish can be accepted");
});

describe("a key server", () => {
  afterEach(() => void vi.unstubAllGlobals());

  test("whose tokens may be for other servers grants no admin, and the log says why", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const keys = [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }];
    vi.stubGlobal("fetch", async () => Response.json({ keys }));
    const signed = await new SignJWT({ scope: "admin metrics publish:stocks", aud: ["feeds", "another-api"] })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .setExpirationTime("1h")
      .sign(privateKey);
    const JWKS_URL = "https://keys.test/no-audience";
    expect(await allowed({ JWKS_URL }, signed)).toBe("publish");
    expect(await allowed({ JWKS_URL, JWT_AUDIENCE: "feeds" }, signed)).toBe("admin");
    expect(await allowed({ JWKS_URL, JWT_SECRET }, await token("admin"))).toBe("admin");
    expect(accessBy({ JWKS_URL }).refused).toEqual([expect.stringMatching(/JWT_AUDIENCE.*admin/)]);
    expect(accessBy({ JWKS_URL, JWT_AUDIENCE: "feeds" }).refused).toEqual([]);
  });

  test.each(["keys.test", "ftp://keys.test/keys", "javascript:0"])("is not accepted at %j", async (JWKS_URL) => {
    const access = accessBy({ JWKS_URL });
    expect(access.unconfigured).toContain("JWKS_URL is not accepted");
    expect(await access.identify("a.b.c")).toBe("invalid");
  });
});
