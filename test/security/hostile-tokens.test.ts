import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { base64url, CompactSign, exportJWK, generateKeyPair, SignJWT } from "jose";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { accessBy } from "../../src/access/credentials.ts";
import { newFeed, post, request } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";
import { inOrder, nothingPolluted } from "./watched.ts";
import { mutatedText } from "./mutations.ts";

const SEED = 20_263;
const LONG = { timeout: 600_000 };
const FEED = "stocks";
const encoder = new TextEncoder();
const secret = encoder.encode(JWT_SECRET);
const rs256 = await generateKeyPair("RS256", { extractable: true });
const es256 = await generateKeyPair("ES256", { extractable: true });
const asked: string[] = [];

/** All the ways in which tokens can be checked at once. The key server knows one of the two keys. */
const access = accessBy({
  JWT_SECRET,
  JWKS_URL: "https://keys.test/jwks",
  SUBSCRIBE_ACCESS: "token",
  PUBLISH_KEY: "a key of no token",
});

beforeEach(async () => {
  const keys = [{ ...(await exportJWK(rs256.publicKey)), kid: "one", alg: "RS256" }];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) => {
    asked.push(input instanceof Request ? input.url : String(input));
    return Response.json({ keys });
  });
});
afterEach(() => void vi.unstubAllGlobals());

/** The bits that a part of a token stands for: there may be more than one way to write them. */
function bits(part = ""): string {
  return base64url.decode(part).join();
}

/** The contract's rule of scopes, for the patterns that are tried here. */
function covers(words: readonly string[], action: string): boolean {
  const patterns = words.filter((word) => word.startsWith(`${action}:`)).map((word) => word.slice(action.length + 1));
  return patterns.some((pattern) => [FEED, "*", "s*", `${FEED}*`].includes(pattern));
}

/** What a token lets its bearer do, or why it is refused. */
async function allowed(credential: string): Promise<string> {
  const caller = await access.identify(credential);
  if (typeof caller === "string") return caller;
  const { admin, publish, subscribe } = caller.on(FEED);
  return [admin && "admin", publish && "publish", subscribe && "subscribe"].filter(Boolean).join(" ");
}

describe("a token", () => {
  test("that was changed anywhere is invalid", LONG, async () => {
    const good = await token("admin", { expires: Date.now() + 300 * 24 * 3_600_000 });
    const [header, payload, signature = ""] = good.split(".");
    await fc.assert(
      fc.asyncProperty(mutatedText(fc.constant(good)), async (changed) => {
        const parts = changed.split(".");
        const result = await allowed(changed);
        if (result === "invalid") return;
        expect([parts.length, parts[0], parts[1], bits(parts[2])]).toEqual([3, header, payload, bits(signature)]);
      }),
      { numRuns: runs(1_000), seed: SEED },
    );
    expect(await allowed(good)).toBe("admin publish subscribe");
  });

  test("is judged by the server's own keys, whatever its header says of keys and algorithms", LONG, async () => {
    const attacker = await generateKeyPair("ES256", { extractable: true });
    const attackerKey = await exportJWK(attacker.publicKey);
    const publicPem = JSON.stringify(await exportJWK(rs256.publicKey));
    const algorithms = "none None NONE HS256 hs256 HS384 HS512 RS256 RS512 PS256 ES256 ES256K EdDSA Ed25519 A128KW dir";
    const alg = fc.constantFrom("", "RSA-OAEP", "__proto__", "constructor", ...algorithms.split(" "));
    const extra = fc.record(
      {
        kid: fc.oneof(
          fc.constantFrom("one", "../../etc/passwd", "' OR 1=1 --", "https://evil.example/jwks", "__proto__", "\0", ""),
          fc.string(),
        ),
        jku: fc.constant("https://evil.example/jwks"),
        x5u: fc.constant("https://evil.example/cert"),
        jwk: fc.constant(attackerKey),
        x5c: fc.constant(["MIIB"]),
        typ: fc.constantFrom("JWT", "at+jwt", "JWE"),
        cty: fc.constant("JWT"),
        b64: fc.boolean(),
        crit: fc.constantFrom(["b64"], ["exp"], []),
        zip: fc.constant("DEF"),
        enc: fc.constant("A256GCM"),
      },
      { requiredKeys: [] },
    );
    const guess = fc.constantFrom("", "\0", "secret", publicPem, "k", JWT_SECRET.slice(0, -1));
    await fc.assert(
      fc.asyncProperty(alg, extra, guess, fc.nat({ max: 3 }), async (alg, extra, guess, how) => {
        const head = base64url.encode(JSON.stringify({ alg, ...extra }));
        const payload = base64url.encode(JSON.stringify({ scope: "admin", exp: Math.floor(Date.now() / 1000) + 600 }));
        const input = encoder.encode(`${head}.${payload}`);
        const sign = async (): Promise<Uint8Array> => {
          if (how === 0) return new Uint8Array(0);
          if (how === 1) {
            const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, attacker.privateKey, input);
            return new Uint8Array(signed);
          }
          const raw = encoder.encode(guess === "" ? "\0" : guess);
          const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
          return new Uint8Array(await crypto.subtle.sign("HMAC", key, input));
        };
        expect(await allowed(`${head}.${payload}.${base64url.encode(await sign())}`)).toBe("invalid");
      }),
      { numRuns: runs(500), seed: SEED },
    );
    expect(new Set(asked)).toEqual(new Set(["https://keys.test/jwks"]));
    const signed = new SignJWT({ scope: `publish:${FEED}` }).setProtectedHeader({ alg: "ES256", kid: "one" });
    expect(await allowed(await signed.setExpirationTime("1h").sign(es256.privateKey))).toBe("invalid");
    const real = new SignJWT({ scope: `publish:${FEED}` }).setProtectedHeader({
      alg: "RS256",
      jku: "https://evil.example",
    });
    expect(await allowed(await real.setExpirationTime("1h").sign(rs256.privateKey))).toBe("publish");
  });

  test(
    "of the right signature allows what its scope says in the contract's words, and nothing else",
    LONG,
    async () => {
      const word = fc.oneof(
        fc.constantFrom(
          "admin",
          "Admin",
          "admin ",
          "admin,",
          "publish",
          "publish:",
          "publish:*",
          "publish:**",
          "publish:s*",
          "publish:*s",
          "publish:stocks",
          "publish:stock",
          "publish:stocks2",
          "publish:STOCKS",
          "publish:stocks*",
          "subscribe:stocks",
          "subscribe:.*",
          "subscribe:st*s",
          "subscribe:*",
          "__proto__",
          "publish:stocks,subscribe:stocks",
          "publish:stocks\tsubscribe:stocks",
          "subscribe:stocks\n",
          "publish%3Astocks",
        ),
        fc.string({ maxLength: 8 }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 5 }), async (given) => {
          const scope = given.join(" ");
          const words = scope.split(" ");
          const admin = words.includes("admin");
          const may = [
            admin && "admin",
            (admin || covers(words, "publish")) && "publish",
            (admin || covers(words, "subscribe")) && "subscribe",
          ];
          expect(await allowed(await token(scope))).toBe(may.filter(Boolean).join(" "));
        }),
        { numRuns: runs(500), seed: SEED },
      );
    },
  );

  test.each(["5", "true", "{}", '["a"]', '["a","b"]', '{"length":1}'])(
    "whose subject is not text is invalid: %s",
    async (sub) => {
      const payload = encoder.encode(`{"scope":"admin","exp":${Date.now() / 1000 + 600},"sub":${sub}}`);
      expect(await allowed(await new CompactSign(payload).setProtectedHeader({ alg: "HS256" }).sign(secret))).toBe(
        "invalid",
      );
    },
  );

  test.each(["1e13", "1e300", "8640000000000", "253402300799", "1e999", "-1e13"])(
    "that expires in the far future or past, at %s, is invalid",
    async (exp) => {
      const payload = encoder.encode(`{"scope":"admin","exp":${exp}}`);
      const signed = await new CompactSign(payload).setProtectedHeader({ alg: "HS256" }).sign(secret);
      expect(await allowed(signed)).toBe(exp.startsWith("-") ? "expired" : "too long");
    },
  );

  test("with the longest time to live, to the millisecond, is valid like any other", async () => {
    const feed = newFeed();
    const exp = Date.now() / 1000 + 365.9 * 24 * 3_600 + 0.000_123;
    const payload = encoder.encode(`{"scope":"publish:*","exp":${exp}}`);
    const signed = await new CompactSign(payload).setProtectedHeader({ alg: "HS256" }).sign(secret);
    const subscriber = await TestSubscriber.connect(feed, "", { Authorization: `Bearer ${signed}` });
    const stub = env.FEEDS.getByName(feed);
    const alarm = (): Promise<number | null> => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
    // The object is to look at it some time, however late.
    await vi.waitFor(async () => expect(await alarm()).toBeGreaterThan(Date.now() + 300 * 24 * 3_600_000));
    subscriber.send({ type: "publish", id: 1, updates: [{ key: "A", set: {} }] });
    await subscriber.message("receipt", 1);
    subscriber.close();
  });

  test("with a good signature and any claims is served or refused properly, over every transport", LONG, async () => {
    const soon = Math.floor(Date.now() / 1000) + 3_600;
    const value = fc.oneof(
      fc.constantFrom(
        "null",
        "0",
        "-1",
        "1e999",
        "1e300",
        "8640000000001",
        "true",
        '"admin"',
        "[]",
        '["admin"]',
        "{}",
        '{"length":1}',
        '"\\ud800"',
        `["${"x".repeat(9_000)}"]`,
        String(soon),
        String(soon + 0.5),
      ),
      fc.jsonValue().map((json) => JSON.stringify(json)),
    );
    const claim = fc.tuple(
      fc.constantFrom("exp", "nbf", "iat", "sub", "scope", "iss", "aud", "jti", "__proto__"),
      value,
    );
    const feed = newFeed();
    await fc.assert(
      fc.asyncProperty(fc.array(claim, { maxLength: 3 }), async (claims) => {
        const given = claims.map(([name, value]) => `"${name}":${value}`).join();
        const payload = `{"scope":"publish:*","exp":${soon}${given === "" ? "" : `,${given}`}}`;
        const signed = await new CompactSign(encoder.encode(payload)).setProtectedHeader({ alg: "HS256" }).sign(secret);
        const headers = { Authorization: `Bearer ${signed}` };
        const [, , signature = ""] = signed.split(".");
        const read = await inOrder(await request(`/v1/feeds/${feed}`, { headers }), [signature]);
        const published = await inOrder(await post(feed, { key: "A", set: { p: 1 } }, headers), [signature]);
        expect(["served", "unauthorized"]).toContain(read);
        expect(read === "unauthorized" ? ["unauthorized"] : ["served", "forbidden"]).toContain(published);
        const upgraded = await request(`/v1/feeds/${feed}`, { headers: { ...headers, Upgrade: "websocket" } });
        expect(await inOrder(upgraded, [signature])).toBe(read);
        upgraded.webSocket?.accept();
        upgraded.webSocket?.close();
        // In band it is the same, and what is said of its end is a time.
        const subscriber = await TestSubscriber.connect(feed);
        subscriber.send({ type: "auth", id: 1, token: signed });
        await subscriber.until(
          ({ closed, messages }) => closed !== undefined || messages.some(({ id }) => id === 1),
          "an answer",
        );
        if (read === "unauthorized") expect(subscriber.closed?.code).toBe(4401);
        else expect(await subscriber.message("authorized", 1)).toMatchObject({ expires: expect.any(Number) });
        subscriber.close();
      }),
      { numRuns: runs(40), seed: SEED },
    );
    nothingPolluted();
  });
});
