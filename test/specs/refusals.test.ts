import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { createFeedApp } from "../../src/http/app.ts";
import type { FeedObject } from "../../src/durable/feed-object.ts";
import { deploymentOf, type Deployment, type FeedAppBindings } from "../../src/http/deployment.ts";
import { PROBLEMS, type ProblemCode } from "../../src/protocol/codes.ts";
import { newFeed } from "../support/api.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";
import { conforms } from "./exchange.ts";
import { follow, type Schema } from "./references.ts";
import { send, type Sent } from "./requests.ts";
import { openapi, operations, type Operation } from "./served.ts";

/** One way to be refused: another deployment, another request, or both. */
interface Provocation {
  readonly settings?: Partial<FeedAppBindings>;
  readonly objects?: Partial<Pick<Deployment, "feeds" | "directory">>;
  readonly change?: (request: Request) => Request | Promise<Request>;
  /** Whether the unchanged request is sent before; or another. */
  readonly twice?: boolean;
  readonly first?: (request: Request) => Request;
}

const CLOSED = { SUBSCRIBE_ACCESS: "token" };
const OTHERS = await token("subscribe:another publish:another");

const withHeaders = (headers: Record<string, string>) => (request: Request) => {
  const changed = new Request(request);
  for (const [name, value] of Object.entries(headers)) changed.headers.set(name, value);
  return changed;
};
const withoutCredential = (request: Request): Request => {
  const changed = new Request(request);
  changed.headers.delete("Authorization");
  return changed;
};
const at = (change: (url: string) => string) => (request: Request) => new Request(change(request.url), request);
const withQuery = (query: string) => at((url) => `${url}${url.includes("?") ? "&" : "?"}${query}`);
/** Replaces the body, if there is one. */
const withBody =
  (body: string, headers: Record<string, string> = {}) =>
  (request: Request) =>
    request.body === null ? request : withHeaders(headers)(new Request(request, { method: "POST", body }));

/** Feeds whose object answers calls that change it as given. */
function feedsWith(object: Pick<FeedObject, "acceptBatch" | "reset">): Deployment["feeds"] {
  return { getByName: () => object } as never;
}
const breakOff = async (): Promise<never> => {
  throw new Error("Network connection lost.");
};
const full = feedsWith({
  acceptBatch: async () => ({ ok: false, code: "feed_full" }),
  reset: async () => undefined,
});
const broken = feedsWith({ acceptBatch: breakOff, reset: breakOff });
const unreachable = {
  getByName: (): never => {
    throw new TypeError("unreachable");
  },
};

const PROVOCATIONS: Readonly<Record<string, Provocation>> = {
  "a credential of nobody": { change: withHeaders({ Authorization: "Bearer nobody's" }) },
  "no credential": { settings: CLOSED, change: withoutCredential },
  "a credential for other feeds": { settings: CLOSED, change: withHeaders({ Authorization: `Bearer ${OTHERS}` }) },
  "too many requests": {
    settings: { CREDENTIAL_RATE: { limit: async () => ({ success: false }) } },
    change: withHeaders({ "CF-Connecting-IP": "192.0.2.1" }),
  },
  "objects that cannot be reached": { objects: { feeds: unreachable, directory: unreachable } },
  "other feeds served": { settings: { FEED_NAMES: "another" } },
  "a bad name": { change: at((url) => url.replace(/(?<=\/feeds\/)[^/?]+/, "BAD")) },
  "another method": { change: (request) => new Request(request.url, { method: "PUT", headers: request.headers }) },
  "a parameter twice": { change: withQuery("since=x:0&since=x:0&limit=1&limit=1&token=a&token=b"), settings: {} },
  "neither true nor false": { change: withQuery("forget=maybe") },
  "two tokens": { change: (request) => withQuery("token=a&token=b")(withoutCredential(request)) },
  "an unknown subprotocol": { change: withHeaders({ Upgrade: "websocket", "Sec-WebSocket-Protocol": "x" }) },
  "a page of another origin": { change: withHeaders({ Upgrade: "websocket", Origin: "https://evil.example" }) },
  "a long Idempotency-Key": { change: withHeaders({ "Idempotency-Key": "k".repeat(129) }) },
  "no JSON": { change: withBody("{") },
  "no update": { change: withBody("{}") },
  "a large body": { change: withBody(JSON.stringify("x".repeat(2 ** 20))) },
  "another type": { change: withBody("{}", { "Content-Type": "text/plain" }) },
  "another encoding": { change: withBody("{}", { "Content-Encoding": "br" }) },
  "a full feed": { objects: { feeds: full } },
  "a feed that breaks off": { objects: { feeds: broken } },
  "another's session": { change: withHeaders({ "Idempotency-Key": `~session/${"u".repeat(22)}/2` }) },
  "a gap in a session": {
    first: withHeaders({ "Idempotency-Key": `~session/${"g".repeat(22)}/1` }),
    change: withHeaders({ "Idempotency-Key": `~session/${"g".repeat(22)}/3` }),
  },
  "a key used before": { twice: true, change: withBody('{"key":"AAPL","set":{}}') },
};

/** A request made from the document's examples, with only what is required. */
function example({ operation, parameters }: Operation, feed: string): Sent {
  const said = parameters.map((parameter) => {
    const [first] = (follow(openapi, parameter["schema"])["examples"] ?? []) as string[];
    const text = parameter["in"] === "path" ? feed : parameter["required"] === true ? first : undefined;
    return { parameter, text: parameter["name"] === "Idempotency-Key" ? "k" : text };
  });
  const { content } = (operation["requestBody"] ?? {}) as { content?: Record<string, Schema> };
  const type = "application/json";
  const body = content && { type, value: content[type]!["example"] };
  return { parameters: said, body, security: "bearer", wants: {} };
}

const plain = (path: string, init: RequestInit): Request => new Request(`https://feeds.test${path}`, init);

/** Provokes one refusal. Returns its code, or undefined if the request was not refused. */
async function provoke(
  one: Operation,
  { settings, objects, change, twice, first }: Provocation,
): Promise<string | undefined> {
  const bindings = {
    PUBLISH_KEY: "a-publish-key",
    ADMIN_KEY: "admin-key",
    JWT_SECRET,
    FEEDS: env.FEEDS,
    DIRECTORY: env.DIRECTORY,
  };
  const app = createFeedApp<FeedAppBindings>((env) => ({ ...deploymentOf(env), ...objects }));
  const sent = example(one, newFeed());
  const to = async (request: Request): Promise<Response> => app.fetch(request, { ...bindings, ...settings });
  const before = first ?? (twice ? (request: Request) => request : undefined);
  if (before) await send(one, sent, (path, init) => to(before(plain(path, init)))).then((response) => response.text());
  const response = await send(one, sent, async (path, init) =>
    to((await change?.(plain(path, init))) ?? plain(path, init)),
  );
  if (response.status < 400) {
    response.webSocket?.accept();
    response.webSocket?.close();
    await response.body?.cancel();
    return undefined;
  }
  // The answers to all methods but HEAD have a body.
  const { status, code } = await conforms(one, one.method === "head" ? new Response(null, response) : response);
  return code ?? String(status);
}

/** The codes that the document declares for an operation. For `HEAD`, which has no body, the statuses. */
function declared({ method, operation }: Operation): string[] {
  const responses = Object.entries(operation["responses"] as Record<string, Schema>).filter(
    ([status]) => status >= "400",
  );
  if (method === "head") return responses.map(([status]) => status);
  return responses.flatMap(([, response]) => {
    const { schema } = (response["content"] as Record<string, Schema>)["application/problem+json"] as {
      schema: Schema;
    };
    const [, narrowed] = schema["allOf"] as [Schema, { properties: { code: { enum: string[] } } }];
    return narrowed.properties.code.enum;
  });
}

const WHAT_IS_REFUSED = operations.filter(({ method }) => method !== "options");

describe.each(WHAT_IS_REFUSED.map((one) => [one.method.toUpperCase(), one.path, one] as const))(
  "%s %s",
  (_, __, one) => {
    test("declares every code that it may be refused with, and no other", async () => {
      const log = vi.spyOn(console, "error").mockImplementation(() => {});
      const found = new Set<string>();
      for (const provocation of Object.values(PROVOCATIONS)) {
        const refusal = await provoke(one, provocation);
        if (refusal !== undefined) found.add(refusal);
      }
      log.mockRestore();
      expect([...found].toSorted()).toEqual(declared(one).toSorted());
    });
  },
);

test("every error code can be provoked", () => {
  const all = new Set(WHAT_IS_REFUSED.flatMap(declared));
  const codes: ProblemCode[] = Object.keys(PROBLEMS) as ProblemCode[];
  for (const code of codes) expect(all).toContain(code);
});
