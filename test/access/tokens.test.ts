import { CompactSign, SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { accessBy } from "../../src/access/credentials.ts";
import { token } from "../support/tokens.ts";
import { allowed } from "./allowed.ts";

const SECRET = { JWT_SECRET: "a shared secret of the tests alone" };
const HOUR = 3_600_000;

function encode(part: object): string {
  return btoa(JSON.stringify(part)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

describe("[AUTH5] a token signed with the shared secret", () => {
  test("allows what its scope says, until it expires", async () => {
    const expires = (Math.floor(Date.now() / 1000) + 60) * 1000;
    const signed = await token("publish:stocks subscribe:st*", { expires });
    expect(await allowed(SECRET, signed)).toBe("publish subscribe");
    expect(await accessBy(SECRET).identify(signed)).toMatchObject({ kind: "token", expires });
  });

  test.each([
    ["signed with another secret", "invalid", () => token("admin", { secret: "a shared secret of another server" })],
    ["that has ended a second ago", "expired", () => token("admin", { expires: Date.now() - 1_000 })],
    ["that ends now", "expired", () => token("admin", { expires: Date.now() })],
    ["that never ends", "too long", () => token("admin", { expires: null })],
    [
      "whose end is text",
      "invalid",
      () => token("admin", { claims: { exp: String(Date.now()) as unknown as number } }),
    ],
    [
      "that begins in an hour",
      "too early",
      () => token("admin", { claims: { nbf: Math.floor((Date.now() + HOUR) / 1000) } }),
    ],
    [
      "that is not signed",
      "invalid",
      async () => new UnsecuredJWT({ scope: "admin" }).setExpirationTime("1h").encode(),
    ],
    [
      "that says none, with a signature",
      "invalid",
      async () => `${encode({ alg: "none" })}.${encode({ scope: "admin" })}.AAAA`,
    ],
    ["of another algorithm", "invalid", () => hs512("admin")],
    ["whose payload is no object", "invalid", () => raw('"admin"')],
    ["whose payload is no JSON", "invalid", () => raw("{")],
    ["without a signature", "invalid", async () => (await token("admin")).replace(/[^.]*$/, "")],
    ["with a part more", "invalid", async () => `${await token("admin")}.e30`],
    ["that was changed", "invalid", async () => tampered(await token("subscribe:stocks"))],
    ["of 20,000 characters", "invalid", () => token("x".repeat(20_000))],
    ["that demands an unknown extension", "invalid", () => critical()],
  ])("%s is refused, as %s", async (_, why, make) => {
    expect(await allowed(SECRET, await make())).toBe(why);
  });

  test("is not called expired, or for others, if its signature is bad", async () => {
    const settings = { ...SECRET, JWT_ISSUER: "https://id.test", JWT_AUDIENCE: "feeds" };
    const secret = "a shared secret of another server";
    const claims = { iss: "elsewhere", aud: "others", nbf: Math.floor((Date.now() + HOUR) / 1000) };
    for (const expires of [Date.now() - HOUR, null, Date.now() + HOUR]) {
      expect(await allowed(settings, await token("admin", { secret, expires, claims }))).toBe("invalid");
    }
  });

  test("of an issuer whose clock is some seconds ahead is accepted", async () => {
    const ahead = Math.floor(Date.now() / 1000) + 10;
    expect(await allowed(SECRET, await token("admin", { claims: { nbf: ahead, iat: ahead } }))).toBe("admin");
  });

  test.each([[undefined], [""], ["openid"]])("with the scope %j allows nothing", async (scope) => {
    expect(await allowed(SECRET, await token(scope))).toBe("nothing");
  });

  test("with a scope that is not text allows nothing", async () => {
    expect(await allowed(SECRET, await token(undefined, { claims: { scope: ["admin"] } }))).toBe("nothing");
  });

  test("may read every feed if reading is public", async () => {
    expect(await allowed({ ...SECRET, SUBSCRIBE_ACCESS: "public" }, await token(""))).toBe("subscribe");
  });

  test("needs the issuer and the audience that are set", async () => {
    const settings = { ...SECRET, JWT_ISSUER: "https://id.test", JWT_AUDIENCE: "feeds" };
    const claims = { iss: "https://id.test", aud: ["other", "feeds"] };
    expect(await allowed(settings, await token("admin", { claims }))).toBe("admin");
    expect(await allowed(settings, await token("admin", { claims: { ...claims, iss: "https://id.test/" } }))).toBe(
      "other issuer",
    );
    expect(await allowed(settings, await token("admin", { claims: { ...claims, aud: "feed" } }))).toBe(
      "other audience",
    );
    expect(await allowed(settings, await token("admin"))).toBe("other issuer");
    expect(await allowed(settings, await token("admin", { claims: { iss: claims.iss } }))).toBe("other audience");
  });

  test("is invalid if no secret is set, and keys stay good if one is", async () => {
    const PUBLISH_KEY = "a-publish-key";
    expect(await allowed({ PUBLISH_KEY }, await token("admin"))).toBe("invalid");
    expect(await allowed({ PUBLISH_KEY, ...SECRET }, PUBLISH_KEY)).toBe("publish");
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
