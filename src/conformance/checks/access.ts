import { holds, same } from "../assertions.ts";
import { check, Unchecked } from "../check.ts";
import { refused, type Answer } from "../wire.ts";
import { statusOfUpgrade } from "../upgrade.ts";

const UPDATE = { key: "A", set: {} };
const UNKNOWN = "an-unknown-credential";

/** `401` says which scheme would help. */
function unauthorized(what: string, answer: Answer): void {
  refused(what, answer, 401, "unauthorized");
  const scheme = answer.headers.get("WWW-Authenticate") ?? "";
  holds(`${what}, WWW-Authenticate`, /^Bearer\b/.test(scheme), "Bearer", scheme);
}

export const ACCESS = [
  check("nothing", "without a credential, publishing, reset and metrics are refused: 401", async (wire) => {
    const feed = wire.newFeed();
    const none = { headers: { "Content-Type": "application/json" } };
    unauthorized(
      "POST",
      await wire.call(`/v1/feeds/${feed}`, { ...none, method: "POST", body: JSON.stringify(UPDATE) }, null),
    );
    unauthorized("DELETE", await wire.call(`/v1/feeds/${feed}`, { method: "DELETE" }, null));
    unauthorized("metrics", await wire.call("/metrics", {}, null));
  }),
  check("nothing", "an unknown credential is 401, even where none is needed", async (wire) => {
    const feed = wire.newFeed();
    unauthorized("POST", await wire.post(feed, UPDATE, {}, UNKNOWN));
    unauthorized("GET", await wire.call(`/v1/feeds/${feed}`, {}, UNKNOWN));
    unauthorized("GET ?token", await wire.call(`/v1/feeds/${feed}?token=${UNKNOWN}`, {}, null));
    const protocol = { "Sec-WebSocket-Protocol": `tickertape.v1, bearer.${UNKNOWN}` };
    same("an upgrade", await statusOfUpgrade(`${wire.url}/v1/feeds/${feed}`, protocol), 401);
  }),
  check("publish", "a publisher who is no administrator: 403", async (wire) => {
    if (wire.publishKey === undefined) throw new Unchecked("needs --publish-key");
    const feed = wire.newFeed();
    refused("DELETE", await wire.call(`/v1/feeds/${feed}`, { method: "DELETE" }, wire.publishKey), 403, "forbidden");
    refused("metrics", await wire.call("/metrics", {}, wire.publishKey), 403, "forbidden");
  }),
  check("publish", "a credential for publishing is not taken from the URL", async (wire) => {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(UPDATE) };
    const path = `/v1/feeds/${wire.newFeed()}?token=${encodeURIComponent(wire.publisher ?? "")}`;
    unauthorized("POST ?token", await wire.call(path, init, null));
  }),
  check("admin", "an administrator may do everything", async (wire) => {
    const feed = wire.newFeed();
    same("POST", (await wire.post(feed, UPDATE, {}, wire.adminKey)).status, 200);
    const { status, text } = await wire.call("/metrics", {}, wire.adminKey);
    same("metrics", status, 200);
    holds("metrics", /^# TYPE \S+ (counter|gauge)$/m.test(text), "Prometheus' text format", text);
    same("DELETE", (await wire.call(`/v1/feeds/${feed}`, { method: "DELETE" }, wire.adminKey)).status, 200);
  }),
  check("nothing", "pages of this origin may use it, and preflights say so", async (wire) => {
    const { origin } = new URL(wire.url);
    const path = `/v1/feeds/${wire.newFeed()}`;
    const asked = { Origin: origin, "Access-Control-Request-Method": "POST" };
    const { status, headers } = await wire.call(path, { method: "OPTIONS", headers: asked }, null);
    holds("the preflight", status === 200 || status === 204, "200 or 204", status);
    const methods = headers.get("Access-Control-Allow-Methods") ?? "";
    for (const method of ["GET", "POST"]) {
      holds("the methods", methods.includes(method), method, methods);
    }
    const allowed = (headers.get("Access-Control-Allow-Headers") ?? "").toLowerCase();
    for (const name of ["authorization", "content-type", "idempotency-key"]) {
      holds("the headers", allowed.includes(name), name, allowed);
    }
    const answer = await wire.call(path, { headers: { Origin: origin } });
    const named = answer.headers.get("Access-Control-Allow-Origin") ?? "";
    holds("GET", ["*", origin].includes(named), origin, named);
    const exposed = (answer.headers.get("Access-Control-Expose-Headers") ?? "").toLowerCase();
    holds("what pages may see", exposed.includes("etag"), "ETag", exposed);
  }),
  check("nothing", "pages of an origin that is not allowed get no leave, and no socket: 403", async (wire) => {
    const origin = "https://not-allowed.example";
    const path = `/v1/feeds/${wire.newFeed()}`;
    const { headers } = await wire.call(path, { headers: { Origin: origin } });
    if (headers.get("Access-Control-Allow-Origin") !== null) throw new Unchecked("every origin is allowed there");
    const query = wire.readerKey === undefined ? "" : `?token=${wire.readerKey}`;
    same("an upgrade", await statusOfUpgrade(wire.url + path + query, { Origin: origin }), 403);
  }),
];
