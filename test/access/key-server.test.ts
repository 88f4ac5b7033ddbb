import { exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { token } from "../support/tokens.ts";
import { allowed } from "./allowed.ts";

const SECRET = { JWT_SECRET: "a shared secret of the tests alone" };
const HOUR = 3_600_000;

describe("a token signed with a key of the key server", () => {
  const algorithms = ["RS256", "ES256", "EdDSA"] as const;
  const pairs = new Map<string, CryptoKeyPair>();
  let published: JWK[] = [];
  let url = "";
  let asked = 0;
  let answer: () => Promise<Response>;

  beforeAll(async () => {
    for (const alg of [...algorithms, "other"]) {
      const pair = await generateKeyPair(alg === "other" ? "ES256" : alg, { extractable: true });
      pairs.set(alg, pair);
    }
  });
  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    url = `https://keys.test/${crypto.randomUUID()}`;
    asked = 0;
    published = [];
    for (const alg of algorithms) published.push({ ...(await exportJWK(pairs.get(alg)!.publicKey)), kid: alg });
    answer = async () => Response.json({ keys: published });
    vi.stubGlobal("fetch", (fetched: string | URL) => {
      expect(String(fetched)).toBe(url);
      asked++;
      return answer();
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  async function signed(
    alg: string,
    { key = alg, kid = alg }: { key?: string; kid?: string | null } = {},
  ): Promise<string> {
    const payload = { scope: "publish:stocks", exp: Math.floor((Date.now() + HOUR) / 1000) };
    const header = { alg, ...(kid === null ? {} : { kid }) };
    return new SignJWT(payload).setProtectedHeader(header).sign(pairs.get(key)!.privateKey);
  }

  test.each(algorithms)("by %s is good", async (alg) => {
    expect(await allowed({ JWKS_URL: url }, await signed(alg))).toBe("publish");
  });

  test("is checked with keys that are fetched once", async () => {
    for (let i = 0; i < 5; i++) expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("publish");
    expect(asked).toBe(1);
  });

  test("may name no key if one of the set signed it", async () => {
    published.push({ ...(await exportJWK(pairs.get("other")!.publicKey)), kid: "other" });
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { kid: null }))).toBe("publish");
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: null }))).toBe("publish");
    published.pop();
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: "ES256" }))).toBe("invalid");
  });

  test("[AUTH8] with a key that is not published is refused, and has the server asked twice a minute at most", async () => {
    expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("publish");
    for (let i = 0; i < 5; i++) {
      expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: "other" }))).toBe("invalid");
    }
    expect(asked).toBe(1);
    published.push({ ...(await exportJWK(pairs.get("other")!.publicKey)), kid: "other" });
    vi.setSystemTime(Date.now() + 31_000);
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: "other" }))).toBe("publish");
    expect(asked).toBe(2);
  });

  test("[AUTH8] [I7] is checked with keys that are fetched once, however many come at a cold start", async () => {
    const served = answer;
    answer = async () => {
      await scheduler.wait(50);
      return served();
    };
    const good = await signed("ES256");
    const results = await Promise.all(Array.from({ length: 20 }, () => allowed({ JWKS_URL: url }, good)));
    expect(new Set(results)).toEqual(new Set(["publish"]));
    expect(asked).toBe(1);
  });

  test("[I7] with an unknown key has the server asked twice a minute at most, however many come at once", async () => {
    expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("publish");
    const strange = await Promise.all(
      Array.from({ length: 20 }, (_, i) => signed("ES256", { key: "other", kid: `made up ${i}` })),
    );
    const ask = async (): Promise<Set<string>> =>
      new Set(await Promise.all(strange.map((token) => allowed({ JWKS_URL: url }, token))));
    for (let minute = 0; minute < 3; minute++) {
      const before = asked;
      for (let second = 0; second < 60; second += 10) {
        vi.setSystemTime(Date.now() + 10_000);
        expect(await ask()).toEqual(new Set(["invalid"]));
      }
      expect(asked - before).toBeLessThanOrEqual(2);
    }
    // A key server that fails is not asked more often for them, and a clock that is set back makes no request wait.
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    answer = async () => new Response("down", { status: 500 });
    vi.setSystemTime(Date.now() + 31_000);
    const before = asked;
    for (let second = 0; second < 25; second++) {
      vi.setSystemTime(Date.now() + 1_000);
      expect(await ask()).toEqual(new Set(["unavailable"]));
    }
    expect(asked - before).toBe(1);
    expect(log).toHaveBeenCalledOnce();
    log.mockRestore();
    published.push({ ...(await exportJWK(pairs.get("other")!.publicKey)), kid: "made up 7" });
    answer = async () => Response.json({ keys: published });
    vi.setSystemTime(Date.now() - 600_000);
    expect(await allowed({ JWKS_URL: url }, strange[7]!)).toBe("publish");
  });

  test("can be neither accepted nor refused while the key server fails, which is not asked at every request", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    answer = async () => new Response("down", { status: 500 });
    for (let i = 0; i < 5; i++) expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("unavailable");
    expect(asked).toBe(1);
    answer = async () => Promise.reject(new TypeError("no network"));
    vi.setSystemTime(Date.now() + 6_000);
    expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("unavailable");
    answer = async () => Response.json({ keys: published });
    vi.setSystemTime(Date.now() + 6_000);
    expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("publish");
    expect(log).toHaveBeenCalled();
    expect(JSON.stringify(log.mock.calls)).not.toContain("eyJ");
    log.mockRestore();
  });

  test("[AUTH8] is checked with the old keys while the key server is down, for an hour", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await allowed({ JWKS_URL: url }, await signed("RS256"))).toBe("publish");
    answer = async () => new Response("down", { status: 500 });
    vi.setSystemTime(Date.now() + HOUR / 2);
    expect(await allowed({ JWKS_URL: url }, await signed("RS256"))).toBe("publish");
    vi.setSystemTime(Date.now() + HOUR);
    expect(await allowed({ JWKS_URL: url }, await signed("RS256"))).toBe("unavailable");
    log.mockRestore();
  });

  test("[AUTH5] cannot be forged by using the published key as a shared secret", async () => {
    const jwk = JSON.stringify(published[0]);
    for (const secret of [jwk, published[0]!.n!, url]) {
      expect(await allowed({ JWKS_URL: url }, await token("admin", { secret }))).toBe("invalid");
      expect(await allowed({ JWKS_URL: url, ...SECRET }, await token("admin", { secret }))).toBe("invalid");
    }
    published.push({ kty: "oct", k: btoa("guessable"), kid: "oct" });
    expect(await allowed({ JWKS_URL: url }, await token("admin", { secret: "guessable" }))).toBe("invalid");
  });

  test("is accepted beside tokens of the shared secret", async () => {
    expect(await allowed({ JWKS_URL: url, ...SECRET }, await signed("EdDSA"))).toBe("publish");
    expect(await allowed({ JWKS_URL: url, ...SECRET }, await token("subscribe:stocks"))).toBe("subscribe");
    expect(await allowed(SECRET, await signed("EdDSA"))).toBe("invalid");
  });
});
