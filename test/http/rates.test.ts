import { describe, expect, test } from "vitest";
import { bearer, newFeed, publish } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { problem } from "../support/http.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";
import { KEYS, posting } from "./credentials.ts";

/** Counts as the platform's binding does, within one window. */
function counter(limit: number): { limit: (options: { key: string }) => Promise<{ success: boolean }> } {
  const counts = new Map<string, number>();
  return {
    async limit({ key }) {
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      return { success: count < limit };
    },
  };
}

const from = (ip: string): Record<string, string> => ({ "CF-Connecting-IP": ip });

describe("requests without a valid credential", () => {
  test("[OUT3] are limited for each client IP, whatever they ask for, and are refused with a time to wait", async () => {
    const app = appWith({ ...KEYS, ADDRESS_RATE: counter(3) });
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const here = from("203.0.113.7");
    expect((await app(`/v1/feeds/${feed}`, { headers: here })).status).toBe(200);
    await problem(await app(`/v1/feeds/${feed}`, posting({ ...here, ...bearer("guess") })), "unauthorized");
    await problem(await app(`/v1/feeds/${feed}`, posting(here)), "unauthorized");
    for (const path of [`/v1/feeds/${feed}`, "/v1/feeds", `/v1/feeds/${feed}/stats`, "/metrics"]) {
      const refused = await app(path, { headers: here });
      expect(refused.headers.get("Retry-After")).toMatch(/^\d+$/);
      await problem(refused, "rate_limited");
    }
    await problem(await app(`/v1/feeds/${feed}`, { headers: { ...here, Upgrade: "websocket" } }), "rate_limited");
    await problem(await app(`/v1/feeds/${feed}`, posting({ ...here, ...bearer("guess") })), "rate_limited");
    // Neither a neighbour nor who has a credential is refused with them.
    expect((await app(`/v1/feeds/${feed}`, { headers: from("203.0.113.8") })).status).toBe(200);
    expect((await app(`/v1/feeds/${feed}`, posting({ ...here, ...bearer("new-publish") }))).status).toBe(200);
    expect((await app("/healthz", { headers: here })).status).toBe(200);
  });

  test("are not counted from this machine", async () => {
    const app = appWith({ ...KEYS, ADDRESS_RATE: counter(0) });
    expect((await app("/v1/feeds", { headers: from("127.0.0.1") })).status).toBe(200);
    expect((await app("/v1/feeds")).status).toBe(200);
    await problem(await app("/v1/feeds", { headers: from("203.0.113.7") }), "rate_limited");
  });
});

test("[I7] tokens without a subject are counted each by itself, and cannot use up another's rate", async () => {
  const app = appWith({ ...KEYS, JWT_SECRET, CREDENTIAL_RATE: counter(1) });
  const [alice, bob] = [await token("subscribe:*", { claims: { jti: "1" } }), await token("subscribe:*")];
  const read = (token: string): Promise<Response> =>
    app("/v1/feeds", { headers: { ...bearer(token), ...from("203.0.113.7") } });
  expect((await read(alice)).status).toBe(200);
  await problem(await read(alice), "rate_limited");
  expect((await read(bob)).status).toBe(200);
});

test("requests with a credential are so many a credential, from wherever they come", async () => {
  const app = appWith({ ...KEYS, JWT_SECRET, CREDENTIAL_RATE: counter(2) });
  const read = async (credential: string, ip: string): Promise<Response> =>
    app("/v1/feeds", { headers: { ...bearer(credential), ...from(ip) } });
  const claims = { sub: "ada" };
  const scope = "subscribe:*";
  expect((await read(await token(scope, { claims }), "203.0.113.7")).status).toBe(200);
  expect((await read(await token(scope, { claims, expires: Date.now() + 60_000 }), "203.0.113.8")).status).toBe(200);
  await problem(await read(await token(scope, { claims }), "203.0.113.9"), "rate_limited");
  expect((await read(await token(scope, { claims: { sub: "bob" } }), "203.0.113.7")).status).toBe(200);
  for (const key of ["old-publish", "new-publish"]) {
    expect((await read(key, "203.0.113.7")).status).toBe(200);
    expect((await read(key, "203.0.113.7")).status).toBe(200);
    await problem(await read(key, "203.0.113.7"), "rate_limited");
  }
});

describe("feeds that are not served", () => {
  const app = appWith({ ...KEYS, FEED_NAMES: "stocks, t-*" });

  test.each([
    ["reading", {}],
    ["subscribing", { headers: { Upgrade: "websocket" } }],
    ["publishing", posting(bearer("new-publish"))],
    ["resetting", { method: "DELETE", headers: bearer("new-admin") }],
  ])("are not found by %s", async (_, init) => {
    await problem(await app("/v1/feeds/other", init), "not_found");
    await problem(await app("/v1/feeds/stocks2", init), "not_found");
  });

  test("do not keep those that are from being served", async () => {
    expect((await app(`/v1/feeds/${newFeed()}`, posting(bearer("new-publish")))).status).toBe(200);
    expect((await app("/v1/feeds/stocks")).status).toBe(200);
  });
});

describe("metrics", () => {
  const app = appWith(KEYS);

  test("tell administrators of every feed, in Prometheus' format", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {} },
      { key: "B", set: {} },
    ]);
    const response = await app("/metrics", { headers: bearer("new-admin") });
    expect(response.headers.get("Content-Type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const lines = (await response.text()).split("\n");
    expect(lines).toContain(`tickertape_feed_updates_total{feed="${feed}"} 2`);
    expect(lines).toContain(`tickertape_feed_keys{feed="${feed}"} 2`);
    expect(lines).toContain(`tickertape_feed_subscribers{feed="${feed}"} 0`);
    expect(lines).toContain("# TYPE tickertape_feed_updates_total counter");
    for (const line of lines) expect(line).toMatch(/^(|# (HELP|TYPE) \S+ .+|\w+\{feed="[a-z0-9._-]+"\} \d+(\.\d+)?)$/);
  });

  test("are for callers with the metrics key or a token with the scope metrics, which allow nothing else", async () => {
    const app = appWith({ ...KEYS, METRICS_KEY: "metrics-key", JWT_SECRET, SUBSCRIBE_ACCESS: "token" });
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    for (const credential of ["metrics-key", await token("metrics")]) {
      const headers = bearer(credential);
      expect(await (await app("/metrics", { headers })).text()).toContain(`{feed="${feed}"}`);
      await problem(await app(`/v1/feeds/${feed}`, { headers }), "forbidden");
      await problem(await app(`/v1/feeds/${feed}`, posting(headers)), "forbidden");
      await problem(await app(`/v1/feeds/${feed}`, { method: "DELETE", headers }), "forbidden");
    }
  });

  test("are closed to who has the metrics key of others", async () => {
    await problem(await app("/metrics", { headers: bearer("metrics-key") }), "unauthorized");
  });
});

test.each(["/healthz", "/v1/feeds", "/v1/feeds/t-headers", "/nowhere", "/v1/feeds/t-headers/history"])(
  "the answer of %s is taken for nothing but data by a browser",
  async (path) => {
    const { headers } = await appWith(KEYS)(path);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Content-Security-Policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
  },
);
