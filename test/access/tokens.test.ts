import { CompactSign, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWK } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { accessBy, type AccessSettings } from "../../src/access/credentials.ts";
import { token } from "../support/tokens.ts";

const SECRET = { JWT_SECRET: "a shared secret of the tests alone" };
const HOUR = 3_600_000;

/** What a credential lets its holder do with the feed `stocks`, or why it is refused. */
async function allowed(settings: AccessSettings, credential: string): Promise<string> {
  const caller = await accessBy({ SUBSCRIBE_ACCESS: "token", ...settings }).identify(credential);
  if (typeof caller === "string") return caller;
  const { admin, publish, subscribe } = caller.on("stocks");
  return admin ? "admin" : `${publish ? "publish " : ""}${subscribe ? "subscribe" : ""}`.trim() || "nothing";
}

function encode(part: object): string {
  return btoa(JSON.stringify(part)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

describe("a token signed with the shared secret", () => {
  test("allows what its scope says, until it ends", async () => {
    const expires = (Math.floor(Date.now() / 1000) + 60) * 1000;
    const signed = await token("publish:stocks subscribe:st*", { expires });
    expect(await allowed(SECRET, signed)).toBe("publish subscribe");
    expect(await accessBy(SECRET).identify(signed)).toMatchObject({ anonymous: false, expires });
  });

  test.each([
    ["signed with another secret", () => token("admin", { secret: "a shared secret of somebody else." })],
    ["that has ended a second ago", () => token("admin", { expires: Date.now() - 1_000 })],
    ["that ends now", () => token("admin", { expires: Date.now() })],
    ["that never ends", () => token("admin", { expires: null })],
    ["whose end is text", () => token("admin", { claims: { exp: String(Date.now()) as unknown as number } })],
    ["that begins in an hour", () => token("admin", { claims: { nbf: Math.floor((Date.now() + HOUR) / 1000) } })],
    ["signed by nobody", async () => new UnsecuredJWT({ scope: "admin" }).setExpirationTime("1h").encode()],
    ["that says none, with a signature", async () => `${encode({ alg: "none" })}.${encode({ scope: "admin" })}.AAAA`],
    ["of another algorithm", () => hs512("admin")],
    ["whose payload is no object", () => raw('"admin"')],
    ["whose payload is no JSON", () => raw("{")],
    ["without a signature", async () => (await token("admin")).replace(/[^.]*$/, "")],
    ["with a part more", async () => `${await token("admin")}.e30`],
    ["that was changed", async () => tampered(await token("subscribe:stocks"))],
    ["of 20,000 characters", () => token("x".repeat(20_000))],
    ["that demands an unknown extension", () => critical()],
  ])("%s is refused", async (_, make) => {
    expect(await allowed(SECRET, await make())).toBe("invalid");
  });

  test("of an issuer whose clock is some seconds ahead is taken", async () => {
    const ahead = Math.floor(Date.now() / 1000) + 10;
    expect(await allowed(SECRET, await token("admin", { claims: { nbf: ahead, iat: ahead } }))).toBe("admin");
  });

  test.each([[undefined], [""], ["openid"]])("with the scope %j allows nothing", async (scope) => {
    expect(await allowed(SECRET, await token(scope))).toBe("nothing");
  });

  test("with a scope that is no text allows nothing", async () => {
    expect(await allowed(SECRET, await token(undefined, { claims: { scope: ["admin"] } }))).toBe("nothing");
  });

  test("reads every feed where reading is public", async () => {
    expect(await allowed({ ...SECRET, SUBSCRIBE_ACCESS: "public" }, await token(""))).toBe("subscribe");
  });

  test("needs the issuer and the audience that are set", async () => {
    const settings = { ...SECRET, JWT_ISSUER: "https://id.test", JWT_AUDIENCE: "feeds" };
    const claims = { iss: "https://id.test", aud: ["other", "feeds"] };
    expect(await allowed(settings, await token("admin", { claims }))).toBe("admin");
    expect(await allowed(settings, await token("admin", { claims: { ...claims, iss: "https://id.test/" } }))).toBe(
      "invalid",
    );
    expect(await allowed(settings, await token("admin", { claims: { ...claims, aud: "feed" } }))).toBe("invalid");
    expect(await allowed(settings, await token("admin"))).toBe("invalid");
  });

  test("is nobody's where no secret is set, and keys go on to be good where one is", async () => {
    expect(await allowed({ PUBLISH_KEY: "k" }, await token("admin"))).toBe("invalid");
    expect(await allowed({ PUBLISH_KEY: "k", ...SECRET }, "k")).toBe("publish");
    expect(await allowed({ JWT_SECRET: "" }, await token("admin", { secret: "\0" }))).toBe("invalid");
  });
});

async function hs512(scope: string): Promise<string> {
  const key = new TextEncoder().encode(SECRET.JWT_SECRET.repeat(3));
  return new SignJWT({ scope }).setProtectedHeader({ alg: "HS512" }).setExpirationTime("1h").sign(key);
}

async function raw(payload: string): Promise<string> {
  const key = new TextEncoder().encode(SECRET.JWT_SECRET);
  return new CompactSign(new TextEncoder().encode(payload)).setProtectedHeader({ alg: "HS256" }).sign(key);
}

async function critical(): Promise<string> {
  const header = { alg: "HS256", crit: ["exp"], exp: 1 };
  const payload = { scope: "admin", exp: Math.floor(Date.now() / 1000) + 60 };
  const input = `${encode(header)}.${encode(payload)}`;
  const secret = new TextEncoder().encode(SECRET.JWT_SECRET);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input)));
  return `${input}.${btoa(String.fromCharCode(...signature))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")}`;
}

function tampered(signed: string): string {
  const [header, payload = "", signature] = signed.split(".");
  const claims: object = JSON.parse(atob(payload));
  return `${header}.${encode({ ...claims, scope: "admin" })}.${signature}`;
}

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
    vi.stubGlobal("fetch", (address: string | URL) => {
      expect(String(address)).toBe(url);
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

  test("may name no key where one of the set made it", async () => {
    published.push({ ...(await exportJWK(pairs.get("other")!.publicKey)), kid: "other" });
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { kid: null }))).toBe("publish");
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: null }))).toBe("publish");
    published.pop();
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: "ES256" }))).toBe("invalid");
  });

  test("by a key that is no longer or not yet published is refused, and such tokens ask twice a minute at most", async () => {
    expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("publish");
    for (let i = 0; i < 50; i++) {
      expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: "other" }))).toBe("invalid");
    }
    expect(asked).toBe(1);
    published.push({ ...(await exportJWK(pairs.get("other")!.publicKey)), kid: "other" });
    vi.setSystemTime(Date.now() + 31_000);
    expect(await allowed({ JWKS_URL: url }, await signed("ES256", { key: "other", kid: "other" }))).toBe("publish");
    expect(asked).toBe(2);
  });

  test("cannot be told from a false one while the key server gives nothing, which is not asked at every request", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    answer = async () => new Response("down", { status: 500 });
    for (let i = 0; i < 20; i++) expect(await allowed({ JWKS_URL: url }, await signed("ES256"))).toBe("unavailable");
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

  test("is checked with the old keys while the key server is down, for an hour", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await allowed({ JWKS_URL: url }, await signed("RS256"))).toBe("publish");
    answer = async () => new Response("down", { status: 500 });
    vi.setSystemTime(Date.now() + HOUR / 2);
    expect(await allowed({ JWKS_URL: url }, await signed("RS256"))).toBe("publish");
    vi.setSystemTime(Date.now() + HOUR);
    expect(await allowed({ JWKS_URL: url }, await signed("RS256"))).toBe("unavailable");
    log.mockRestore();
  });

  test("is not made by taking the published key for a shared secret", async () => {
    const jwk = JSON.stringify(published[0]);
    for (const secret of [jwk, published[0]!.n!, url]) {
      expect(await allowed({ JWKS_URL: url }, await token("admin", { secret }))).toBe("invalid");
      expect(await allowed({ JWKS_URL: url, ...SECRET }, await token("admin", { secret }))).toBe("invalid");
    }
    published.push({ kty: "oct", k: btoa("guessable"), kid: "oct" });
    expect(await allowed({ JWKS_URL: url }, await token("admin", { secret: "guessable" }))).toBe("invalid");
  });

  test("goes beside tokens of the shared secret", async () => {
    expect(await allowed({ JWKS_URL: url, ...SECRET }, await signed("EdDSA"))).toBe("publish");
    expect(await allowed({ JWKS_URL: url, ...SECRET }, await token("subscribe:stocks"))).toBe("subscribe");
    expect(await allowed(SECRET, await signed("EdDSA"))).toBe("invalid");
  });
});
