import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { publish } from "./support/api.ts";
import { WranglerDev } from "./support/wrangler-dev.ts";
import { listenOnLoopback } from "./support/loopback.ts";

const ISSUER = "https://id.example.com/";
const AUDIENCE = "feeds";

let keyServer: Server;
let worker: WranglerDev;
let asked = 0;
/** Milliseconds that the key server takes to answer. */
let slow = 0;
const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });

beforeAll(async () => {
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256", use: "sig" }] });
  keyServer = createServer((_, response) => {
    asked++;
    setTimeout(() => response.setHeader("Content-Type", "application/json").end(keys), slow);
  });
  const keysUrl = await listenOnLoopback(keyServer);
  // The recipe of the docs for data that only bearers of a token may read.
  worker = await WranglerDev.start({
    SUBSCRIBE_ACCESS: "token",
    JWKS_URL: `${keysUrl}/.well-known/jwks.json`,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
  });
});
afterAll(async () => {
  await worker.dispose();
  keyServer.close();
});

function token(scope: string, { issuer = ISSUER, audience = AUDIENCE, key = privateKey } = {}): Promise<string> {
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setExpirationTime("1m")
    .sign(key);
}

async function status(path: string, credential?: string, init: RequestInit = {}): Promise<number> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (credential !== undefined) headers["Authorization"] = `Bearer ${credential}`;
  return (await fetch(`${worker.url}${path}`, { ...init, headers })).status;
}

test("[I7] many who come at once at a cold start ask the key server once, also where the first goes away", async () => {
  slow = 1_000;
  const good = await token("subscribe:*");
  const first = new AbortController();
  const headers = { Authorization: `Bearer ${good}` };
  const gone = fetch(`${worker.url}/v1/feeds`, { headers, signal: first.signal }).catch(() => "gone");
  await vi.waitFor(() => expect(asked).toBe(1), 10_000);
  const others = Array.from({ length: 100 }, () => status("/v1/feeds", good));
  setTimeout(() => first.abort(), 300);
  expect(new Set(await Promise.all(others))).toEqual(new Set([200]));
  expect([await gone, asked]).toEqual(["gone", 1]);
  slow = 0;
});

test("a deployment with a key server serves only the bearers of its tokens, and each only what the scope says", async () => {
  await publish(`${worker.url}/v1/feeds/team1.orders`, { key: "A", set: { n: 1 } });
  const reader = await token("subscribe:team1.*");
  expect(await status("/v1/feeds/team1.orders", reader)).toBe(200);
  expect(await status("/v1/feeds/team1.orders/history?key=A", reader)).toBe(200);
  expect(await status("/v1/feeds/team2.orders", reader)).toBe(403);
  const update = { method: "POST", body: '{"key":"A","set":{"n":2}}' };
  expect(await status("/v1/feeds/team1.orders", reader, update)).toBe(403);
  expect(await status("/v1/feeds/team1.orders", await token("publish:team1.orders"), update)).toBe(200);
  expect(await status("/metrics", await token("admin"))).toBe(200);

  expect(await status("/v1/feeds/team1.orders")).toBe(401);
  expect(await status("/v1/feeds")).toBe(401);
  const other = await generateKeyPair("ES256", { extractable: true });
  for (const forged of [
    await token("admin", { issuer: "https://evil.example.com/" }),
    await token("admin", { audience: "other" }),
    await token("admin", { key: other.privateKey }),
  ]) {
    expect(await status("/v1/feeds/team1.orders", forged)).toBe(401);
  }
  expect(asked).toBeLessThanOrEqual(2);
});
