import { beforeAll, describe, expect, test } from "vitest";
import { ADMIN_KEY, post, PUBLISH_KEY } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { problem } from "../support/http.ts";
import { JWT_SECRET } from "../support/tokens.ts";
import { CALLERS, echoes, FEED, ANONYMOUS, verdict, type Caller, type Need, type Reading } from "./callers.ts";

const SETTINGS = { PUBLISH_KEY, ADMIN_KEY, JWT_SECRET };
const READINGS: [Reading, ReturnType<typeof appWith>][] = [
  ["public", appWith({ ...SETTINGS, SUBSCRIBE_ACCESS: "public" })],
  ["token", appWith({ ...SETTINGS, SUBSCRIBE_ACCESS: "token" })],
];
const URL = `/v1/feeds/${FEED}`;
const BODY = '{"key":"A","patch":{"p":1}}';

interface Route {
  readonly what: string;
  readonly needs: Need;
  readonly path: string;
  readonly init?: RequestInit;
  /** The status where it is allowed, if not 200. */
  readonly status?: number;
  /** Whether it takes a credential from a subprotocol and from the query too. */
  readonly reads: boolean;
  /** The origins whose pages may read the answer, whatever the credential; none if not given. */
  readonly origins?: "*";
}

const read = (what: string, path: string, more: Partial<Route> = {}): Route => ({
  what,
  needs: "subscribe",
  path,
  reads: true,
  ...more,
});
const ROUTES: readonly Route[] = [
  read("GET a snapshot", URL),
  read("HEAD of a snapshot", URL, { init: { method: "HEAD" } }),
  read("GET what changed", `${URL}?since=x:1`),
  read("GET by long poll", `${URL}?since=x:1&wait=1`),
  read("GET events", URL, { init: { headers: { Accept: "text/event-stream" } } }),
  read("HEAD of events", URL, { init: { method: "HEAD", headers: { Accept: "text/event-stream" } } }),
  read("a WebSocket upgrade", URL, { init: { headers: { Upgrade: "websocket" } }, status: 101 }),
  read("GET the history", `${URL}/history?key=A`),
  read("HEAD of the history", `${URL}/history?key=A`, { init: { method: "HEAD" } }),
  read("GET stats", `${URL}/stats`),
  read("HEAD of stats", `${URL}/stats`, { init: { method: "HEAD" } }),
  read("GET the health", "/healthz", { needs: "nothing", origins: "*" }),
  {
    what: "POST",
    needs: "publish",
    path: URL,
    init: { method: "POST", body: BODY, headers: { "Content-Type": "application/json" } },
    reads: false,
  },
  { what: "DELETE", needs: "admin", path: URL, init: { method: "DELETE" }, reads: false },
  { what: "GET metrics", needs: "admin", path: "/metrics", reads: false },
  { what: "HEAD of metrics", needs: "admin", path: "/metrics", init: { method: "HEAD" }, reads: false },
  {
    what: "a preflight",
    needs: "nothing",
    path: URL,
    init: { method: "OPTIONS", headers: { Origin: "https://evil.example", "Access-Control-Request-Method": "DELETE" } },
    status: 204,
    reads: false,
  },
];

type Way = "header" | "subprotocol" | "query";

/** The route's request, with the caller's credential where it is put. */
function asked({ path, init = {} }: Route, { credential }: Caller, way: Way): [path: string, init: RequestInit] {
  const headers = new Headers(init.headers);
  if (credential === undefined) return [path, init];
  if (way === "header") headers.set("Authorization", `Bearer ${credential}`);
  if (way === "subprotocol") headers.set("Sec-WebSocket-Protocol", `tickertape.v1, bearer.${credential}`);
  const query = `${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(credential)}`;
  return [way === "query" ? path + query : path, { ...init, headers }];
}

/** All of an answer that anybody can read. A stream has no end of its own. */
async function textOf(response: Response): Promise<string> {
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
  const headers = [...response.headers].join("\n");
  response.webSocket?.accept();
  response.webSocket?.close();
  if (isStream) await response.body?.cancel();
  return isStream || response.webSocket ? headers : headers + (await response.clone().text());
}

/** What anybody can read of the feed. */
async function state(): Promise<string> {
  const [, app] = READINGS[0]!;
  const answers = await Promise.all([URL, `${URL}/history?key=A`].map((path) => app(path)));
  return (await Promise.all(answers.map((answer) => answer.text()))).join("\n");
}

const WAYS: readonly Way[] = ["header", "subprotocol", "query"];
/** Every caller with its credential in every place. */
const PLACED = WAYS.flatMap((way) => CALLERS.map((caller) => ({ way, caller, who: `by ${caller.who}, by ${way}` })));

beforeAll(async () => {
  expect((await post(FEED, BODY)).status).toBe(200);
});

describe.each(READINGS)("where reading is %s", (reading, app) => {
  test.each(ROUTES.map((route) => [route.what, route] as const))("%s is for callers that may", async (_, route) => {
    const changes = route.needs === "publish" || route.needs === "admin";
    let known = await state();
    for (const { way, caller, who } of PLACED) {
      // Where no credential is looked for, the caller is anonymous.
      const seen = way === "header" || route.reads ? caller : ANONYMOUS;
      const expected = verdict(seen, route.needs, reading);
      const response = await app(...asked(route, caller, way));
      expect(echoes(caller, await textOf(response)), who).toBe(false);
      // To a page of another origin, nothing is granted by any credential.
      expect(response.headers.get("Access-Control-Allow-Origin"), who).toBe(route.origins ?? null);
      expect(response.headers.get("Access-Control-Allow-Credentials"), who).toBeNull();
      if (expected === "allowed") {
        expect(response.status, who).toBe(route.status ?? 200);
        if (route.needs === "publish") expect(await response.json()).toMatchObject({ accepted: 1, feed: FEED });
        if (changes) known = await state();
        continue;
      }
      const challenge = response.headers.get("WWW-Authenticate")?.startsWith("Bearer") ?? false;
      expect(challenge, who).toBe(expected === "unauthorized");
      if (route.init?.method === "HEAD") expect(response.status, who).toBe(expected === "forbidden" ? 403 : 401);
      else await problem(response, expected);
      if (changes) expect(await state(), who).toBe(known);
    }
    expect(await state()).toBe(known);
  });

  test("the list names the feed to those who may read it, and to no others", async () => {
    for (const { way, caller, who } of PLACED) {
      const response = await app(...asked(read("", "/v1/feeds"), caller, way));
      const text = await textOf(response);
      expect(echoes(caller, text), who).toBe(false);
      const expected = verdict(caller, "subscribe", reading);
      expect(text.includes(FEED), who).toBe(expected === "allowed");
      if (expected === "unauthorized") await problem(response, expected);
      else expect(response.status, who).toBe(200);
    }
  });
});
