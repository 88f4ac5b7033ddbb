import { generateKeyPair, SignJWT } from "jose";
import { describe, expect, test, vi } from "vitest";
import { bearer, newFeed, publish } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";
import { KEYS, posting, PUBLIC, refused, TOKEN } from "./credentials.ts";

const FEED = newFeed();
const READS: [what: string, path: string, headers: Record<string, string>][] = [
  ["the snapshot", `/v1/feeds/${FEED}`, {}],
  ["the history", `/v1/feeds/${FEED}/history?key=A`, {}],
  ["a page of the list", "/v1/feeds?limit=1", {}],
  ["a subscription", `/v1/feeds/${FEED}`, { Upgrade: "websocket" }],
];

async function status(response: Response): Promise<number> {
  response.webSocket?.accept();
  response.webSocket?.close();
  await response.arrayBuffer();
  return response.status;
}

// Who may read what with which credential is in test/security/routes.test.ts.
describe.each(READS)("reading %s", (_, path, headers) => {
  const served = headers["Upgrade"] ? 101 : 200;
  const withToken = (token: string): string => `${path}${path.includes("?") ? "&" : "?"}token=${token}`;

  test("needs no credential where SUBSCRIBE_ACCESS is not set", async () => {
    expect(await status(await PUBLIC(path, { headers }))).toBe(served);
  });

  test.each(["token", "TOKEN", "", "pubic"])("needs a credential where SUBSCRIBE_ACCESS is %j", async (access) => {
    await refused(await appWith({ ...KEYS, SUBSCRIBE_ACCESS: access })(path, { headers }), "unauthorized");
  });

  test("is refused with an empty token, and with one that is given twice", async () => {
    await refused(await TOKEN(withToken(""), { headers }), "unauthorized");
    await refused(await TOKEN(`${withToken("new-admin")}&token=new-admin`, { headers }), "invalid_query");
  });

  test("[AUTH2] goes by the header where the query has a token too", async () => {
    expect(await status(await TOKEN(withToken("wrong"), { headers: { ...headers, ...bearer("new-admin") } }))).toBe(
      served,
    );
    await refused(await TOKEN(withToken("new-admin"), { headers: { ...headers, ...bearer("wrong") } }), "unauthorized");
  });
});

async function subscribe(protocols: string): Promise<Response> {
  const response = await TOKEN(`/v1/feeds/${FEED}`, {
    headers: { Upgrade: "websocket", "Sec-WebSocket-Protocol": protocols },
  });
  response.webSocket?.accept();
  response.webSocket?.close();
  return response;
}

describe("[AUTH2] a subprotocol bearer.<token>", () => {
  test.each([
    ["tickertape.v1, bearer.new-admin", "tickertape.v1"],
    ["bearer.new-admin,tickertape.v1", "tickertape.v1"],
    ["bearer.new-admin", null],
  ])("is taken as the credential and never echoed: %s", async (protocols, chosen) => {
    const response = await subscribe(protocols);
    expect(response.status).toBe(101);
    expect(response.headers.get("Sec-WebSocket-Protocol")).toBe(chosen);
  });

  test.each(["tickertape.v1, bearer.wrong", "bearer.", "tickertape.v1"])(
    "is refused where it is wrong or missing: %s",
    async (protocols) => {
      await refused(await subscribe(protocols), "unauthorized");
    },
  );

  test("carries a key that openssl made, whose characters a subprotocol's name cannot have, as base64url", async () => {
    const key = "q+/x8w3Zt5/Xk1+uQ0r9vB2n4m6c8z/A1s3d5f7g9h=";
    const app = appWith({ ADMIN_KEY: key, SUBSCRIBE_ACCESS: "token" });
    const offer = async (credential: string): Promise<Response> => {
      const headers = { Upgrade: "websocket", "Sec-WebSocket-Protocol": `tickertape.v1, bearer.${credential}` };
      const response = await app(`/v1/feeds/${FEED}`, { headers });
      response.webSocket?.accept();
      response.webSocket?.close();
      return response;
    };
    const encoded = btoa(key).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const response = await offer(`base64url.${encoded}`);
    expect(response.status).toBe(101);
    expect(response.headers.get("Sec-WebSocket-Protocol")).toBe("tickertape.v1");
    for (const wrong of [
      encoded,
      `base64url.${encoded.slice(0, -1)}`,
      "base64url.",
      "base64url.!",
      "base64url.aaaaa",
    ]) {
      await refused(await offer(wrong), "unauthorized");
    }
    // In the query, with its `+` escaped or as it is.
    for (const token of [encodeURIComponent(key), key]) {
      expect((await app(`/v1/feeds/${FEED}?token=${token}`)).status).toBe(200);
    }
  });

  test("is no credential for a publish", async () => {
    const headers = { "Sec-WebSocket-Protocol": "bearer.new-publish" };
    await refused(await TOKEN(`/v1/feeds/${FEED}`, posting(headers)), "unauthorized");
  });
});

describe("a token", () => {
  test("reads the feeds of its scope, and learns of no other", async () => {
    const [mine, other] = [newFeed(), newFeed()];
    await publish(mine, { key: "A", set: { p: 1 } });
    await publish(other, { key: "A", set: { p: 1 } });
    const app = appWith({ ...KEYS, JWT_SECRET, SUBSCRIBE_ACCESS: "token" });
    const headers = bearer(await token(`subscribe:${mine}`));
    expect(await (await app(`/v1/feeds/${mine}`, { headers })).json()).toMatchObject({ entries: { A: { p: 1 } } });
    for (const path of [`/v1/feeds/${other}`, `/v1/feeds/${other}/history?key=A`, `/v1/feeds/${other}/stats`]) {
      await refused(await app(path, { headers }), "forbidden");
    }
    await refused(await app(`/v1/feeds/${other}`, { headers: { ...headers, Upgrade: "websocket" } }), "forbidden");
    expect(await (await app("/v1/feeds", { headers })).json()).toMatchObject({ feeds: [{ feed: mine }] });
    await refused(await app(`/v1/feeds/${mine}`, posting(headers)), "forbidden");
  });

  test("that cannot be checked now is answered with overloaded, and when to try again", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    vi.stubGlobal("fetch", async () => new Response("down", { status: 500 }));
    const app = appWith({ ...KEYS, JWKS_URL: `https://keys.test/${newFeed()}`, SUBSCRIBE_ACCESS: "token" });
    const { privateKey } = await generateKeyPair("ES256");
    const signed = await new SignJWT({ scope: "admin" })
      .setProtectedHeader({ alg: "ES256" })
      .setExpirationTime("1h")
      .sign(privateKey);
    const response = await app(`/v1/feeds/${FEED}`, { headers: bearer(signed) });
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    await refused(response, "overloaded");
    vi.unstubAllGlobals();
    log.mockRestore();
  });
});
