import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { RefusedError } from "../../src/worker/index.ts";
import { bearer, post, request, snapshot } from "../support/api.ts";
import { problem } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { token } from "../support/tokens.ts";
import { app, publish, read } from "./worker.ts";

const as = (session: string, more: Record<string, string> = {}): RequestInit => ({
  headers: { Cookie: `other=1; session=${session}`, ...more },
});

/** A read of `anna`, by a page of an origin, where these origins are allowed. */
const fromOrigin = (allowed: string, origin: string): Promise<Response> | Response =>
  app.request("https://feeds.test/v1/feeds/team-1", as("anna", { Origin: origin }), {
    LIVE: { ...env, ALLOWED_ORIGINS: allowed },
  });

const update = (key: string): object => ({ key, set: { by: "test" } });

describe("[DECL6] a sign-in of one's own", () => {
  test("grants what it says, beside keys and tokens", async () => {
    expect((await request("/v1/feeds/team-1", as("anna"))).status).toBe(200);
    await problem(await request("/v1/feeds/team-2", as("anna")), "forbidden");
    await problem(await request("/v1/feeds/team-1"), "unauthorized");
    expect((await request("/v1/feeds/team-2", { headers: bearer(await token("subscribe:team-2")) })).status).toBe(200);
    // What only code publishes to, it cannot grant.
    const body = JSON.stringify({ key: "A", set: { sum: 1 } });
    const publishing = { ...as("anna", { "Content-Type": "application/json" }), method: "POST", body };
    await problem(await request("/v1/feeds/derived", publishing), "forbidden");
    expect((await request("/v1/feeds/team-1", publishing)).status).toBe(200);
  });

  test("does not count once its time is over", async () => {
    await problem(await request("/v1/feeds/team-1", as("past")), "unauthorized");
  });

  test("may last for ever, over sockets too", async () => {
    const socket = await request("/v1/feeds/team-1", as("always", { Upgrade: "websocket" }));
    expect(socket.status).toBe(101);
    socket.webSocket?.accept();
    socket.webSocket?.close();
  });

  test("grants nothing by a mistake, and the log says what it is", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    await problem(await request("/v1/feeds/team-1", as("mistaken")), "overloaded");
    expect(String(log.mock.calls[0]?.[1])).toContain("authenticate gave subscribe with what is no name pattern");
    log.mockRestore();
  });

  test.each(["GET", "POST", "a socket"])("is not taken from a page of another origin: %s", async (how) => {
    const from = (origin: string): RequestInit => {
      const headers = { Origin: origin, "Content-Type": "application/json" };
      if (how === "POST") return { ...as("anna", headers), method: "POST", body: '{"key":"A","set":{}}' };
      return as("anna", how === "GET" ? headers : { ...headers, Upgrade: "websocket" });
    };
    await problem(await request("/v1/feeds/team-1", from("https://elsewhere.test")), "origin_not_allowed");
    const { status, webSocket } = await request("/v1/feeds/team-1", from("https://feeds.test"));
    expect(status).toBe(how === "a socket" ? 101 : 200);
    webSocket?.accept();
    webSocket?.close();
  });

  test("is not taken from any page where all origins are allowed, but from those that are named", async () => {
    await problem(await fromOrigin("*", "https://elsewhere.test"), "origin_not_allowed");
    const named = await fromOrigin("*, https://elsewhere.test", "https://elsewhere.test");
    expect(named.status).toBe(200);
    expect(named.headers.get("Access-Control-Allow-Credentials")).toBe("true");
    expect(named.headers.get("Access-Control-Allow-Origin")).toBe("https://elsewhere.test");
  });
});

describe("[DECL7] rules of one's own", () => {
  test("refuse updates with a reason, over POST and sockets, and know whom the credential names", async () => {
    const { issues } = await problem(await post("ruled", [update("ben.1"), update("anna.1")]), "invalid_update");
    expect(issues).toEqual([{ index: 1, path: "", message: "the key is anna's" }]);
    await problem(await post("ruled", { key: "ben.1", delete: true }), "invalid_update");
    const subjects = [await token("publish:ruled", { claims: { sub: "ben" } })];
    subjects.push(await token("publish:ruled", { claims: { sub: "anna" } }));
    const [ben = "", anna = ""] = subjects;
    await problem(await post("ruled", update("anna.2"), bearer(ben)), "invalid_update");
    expect((await post("ruled", update("anna.2"), bearer(anna))).status).toBe(200);
    const socket = await TestSubscriber.connect("ruled", "", bearer(ben));
    socket.send({ type: "publish", id: 1, updates: [update("anna.3")] });
    expect(await socket.message("error")).toMatchObject({ issues: [{ message: "the key is anna's" }] });
    socket.send({ type: "auth", token: anna });
    socket.send({ type: "publish", id: 2, updates: [update("anna.3")] });
    expect(await socket.message("receipt")).toMatchObject({ id: 2 });
    socket.close();
    expect(Object.keys((await snapshot("ruled")).entries).toSorted()).toEqual(["anna.2", "anna.3"]);
  });

  test("let a repeat through that was published before, and refuse all while they fail", async () => {
    const body = update("ben.repeat");
    const key = { "Idempotency-Key": "once" };
    const first = await (await post("ruled", body, key)).json();
    expect(await (await post("ruled", body, key)).json()).toEqual(first);
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    await problem(await post("ruled", update("broken")), "overloaded");
    expect(log).toHaveBeenCalledWith("tickertape: onPublish failed for the feed ruled", expect.any(Error));
    log.mockRestore();
  });
});

describe("[DECL8] the Worker's own code", () => {
  test("publishes and reads without HTTP, also what only it may publish to", async () => {
    const receipt = await publish(env, "derived", { key: "all", set: { sum: 42 } });
    expect(receipt).toMatchObject({ feed: "derived", accepted: 1, stale: 0 });
    const { epoch, seq } = receipt;
    const answer = await read(env, "derived", { keys: ["all"] });
    expect(answer).toEqual({ feed: "derived", epoch, seq, time: expect.any(Number), entries: { all: { sum: 42 } } });
    expect(await snapshot("derived", "?keys=all")).toEqual(answer);
    expect((await read(env, "derived", { keys: ["all"], fields: ["other"] })).entries).toEqual({ all: {} });
  });

  test("is told in an error what is wrong, and a repeat is applied once", async () => {
    const refused = await publish(env, "stocks", [
      { key: "A", set: { last: 1 } },
      { key: "B", set: { last: "2" } as never },
    ]).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({ code: "invalid_update", issues: [{ index: 1, path: "set.last" }] });
    await expect(publish(env, "elsewhere" as never, [])).rejects.toMatchObject({ code: "not_found" });
    await expect(read(env, "stocks", { keys: [""] })).rejects.toThrow(RangeError);
    const options = { idempotencyKey: "from-code" };
    const first = await publish(env, "derived", { key: "once", patch: { sum: 1 } }, options);
    expect(await publish(env, "derived", { key: "once", patch: { sum: 1 } }, options)).toEqual(first);
  });

  test("reads a feed that does not exist as empty", async () => {
    expect(await read(env, "team-nothing")).toMatchObject({ seq: 0, time: 0, entries: {} });
  });

  test("may have its bindings under names of its own", async () => {
    const under = { LIVE: env } as never;
    await publish(under, "team-bound", { key: "A", set: { note: "hi" } });
    const response = await app.request(
      "https://feeds.test/v1/feeds/team-bound",
      { headers: bearer("admin-key") },
      under,
    );
    expect(await response.json()).toMatchObject({ entries: { A: { note: "hi" } } });
  });
});

test("[DECL9] without a binding, each request is told which, and what to do", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const { detail } = await problem(await app.request("https://feeds.test/v1/feeds/stocks", {}, {}), "overloaded");
  expect(detail).toBe(
    "This deployment has no binding FEEDS. In wrangler.toml, each [env.NAME] needs durable_objects of its own.",
  );
  expect((await app.request("https://feeds.test/healthz", {}, {})).status).toBe(200);
  const missing = { name: "RefusedError", code: "overloaded", message: detail };
  await expect(publish({} as never, "derived", { key: "A", delete: true })).rejects.toMatchObject(missing);
  await expect(read({} as never, "derived")).rejects.toMatchObject(missing);
  log.mockRestore();
});
