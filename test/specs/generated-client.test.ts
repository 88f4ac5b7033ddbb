import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ADMIN_KEY, newFeed, PUBLISH_KEY, request } from "../support/api.ts";
import { gzip } from "../support/http.ts";
import { runs } from "../support/runs.ts";
import { mutated, valid } from "./arbitraries.ts";
import { findProblems, type Schema } from "./evaluate.ts";
import { conforms, readParameter } from "./exchange.ts";
import { openapi, operations, type Operation } from "./served.ts";

const FEED = newFeed();
/** Seconds: a test has no time for more. */
const PATIENCE = 0.02;
const BATCH = { $ref: "#/components/schemas/Batch" };

/** What is not understood of these is as if it were not there. */
const WHATEVER = new Set(["If-None-Match", "Last-Event-ID", "Sec-WebSocket-Protocol"]);

/** What makes a snapshot, a stream or a socket of it. */
const WAYS: readonly Record<string, string>[] = [{}, {}, { Accept: "text/event-stream" }, { Upgrade: "websocket" }];

interface Sent {
  readonly parameters: readonly { readonly parameter: Schema; readonly text: string | undefined }[];
  readonly body: string;
  readonly type: string;
  readonly credential: string | undefined;
  readonly wants: Readonly<Record<string, string>>;
}

/** What is sent for a parameter: as its schema says, or nearly so; or nothing where that may be. */
function textOf(parameter: Schema): fc.Arbitrary<string | undefined> {
  const good = valid(openapi, parameter["schema"]);
  const some = fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: mutated(good) }).map((value) => {
    if (Array.isArray(value)) return value.join();
    if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
    return String(
      parameter["name"] === "wait" && value > PATIENCE && value <= 30 ? PATIENCE : Number(value.toFixed(6)),
    );
  });
  if (parameter["name"] === "feed") return fc.oneof(fc.constant(FEED), some.filter(staysInPlace));
  const sendable = parameter["in"] === "header" ? some.filter((text) => /^[!-~]([ -~]*[!-~])?$/.test(text)) : some;
  return fc.option(sendable, { nil: undefined });
}

/** A URL takes these for other places. */
function staysInPlace(feed: string): boolean {
  return !["", ".", ".."].includes(feed) && feed.isWellFormed();
}

function sent({ path, method, parameters }: Operation): fc.Arbitrary<Sent> {
  const batch = valid(openapi, BATCH);
  return fc.record({
    parameters: fc.tuple(...parameters.map((parameter) => textOf(parameter).map((text) => ({ parameter, text })))),
    body: fc.oneof(batch, mutated(batch)).map((body) => JSON.stringify(body)),
    type: fc.oneof(
      { weight: 9, arbitrary: fc.constant("application/json") },
      fc.constantFrom("text/plain", "a", "application/x-ndjson"),
    ),
    credential: fc.oneof(
      { weight: 9, arbitrary: fc.constant(ADMIN_KEY) },
      fc.constantFrom(undefined, PUBLISH_KEY, "nobody's"),
    ),
    wants: path === "/v1/feeds/{feed}" && method === "get" ? fc.constantFrom(...WAYS) : fc.constant({}),
  });
}

async function send(
  { path, method }: Operation,
  { parameters, body, type, credential, wants }: Sent,
): Promise<Response> {
  const query = new URLSearchParams();
  const headers = new Headers(wants);
  let place = path;
  for (const { parameter, text } of parameters) {
    if (text === undefined) continue;
    const name = String(parameter["name"]);
    if (parameter["in"] === "path") place = place.replace(`{${name}}`, encodeURIComponent(text));
    else if (parameter["in"] === "query") query.append(name, text);
    else headers.set(name, text);
  }
  if (credential !== undefined) headers.set("Authorization", `Bearer ${credential}`);
  const init: RequestInit = { method: method.toUpperCase(), headers };
  if (method === "post") {
    headers.set("Content-Type", type);
    init.body = headers.get("Content-Encoding") === "gzip" ? await gzip(body) : body;
  }
  return request(`${place}?${query.toString()}`, init);
}

/** Whether the document allows what was sent, as far as it can say so. */
function isAllowed({ path, method }: Operation, { parameters, body, type, wants }: Sent): boolean {
  const fits = parameters.every(({ parameter, text }) => {
    const name = String(parameter["name"]);
    if (text === undefined || WHATEVER.has(name)) return true;
    // Sockets and streams wait anyway.
    if (name === "wait" && Object.keys(wants).length > 0) return true;
    return findProblems(openapi, parameter["schema"] as Schema, readParameter(parameter, text)).length === 0;
  });
  if (method !== "post" || path !== "/v1/feeds/{feed}") return fits;
  // One update a line is one line here.
  const known = type === "application/json" || (type === "application/x-ndjson" && !body.startsWith("["));
  return fits && known && findProblems(openapi, BATCH, JSON.parse(body)).length === 0;
}

/** What the document says in words alone: of the safe integers, of parameters that are needed, of sockets. */
function isRefusedByWords({ parameters, wants }: Sent): boolean {
  return parameters.some(({ parameter, text }) => {
    const name = String(parameter["name"]);
    if (text === undefined) return parameter["required"] === true;
    if (name === "since" && !Number.isSafeInteger(Number(text.split(":")[1]))) return true;
    return name === "Sec-WebSocket-Protocol" && wants["Upgrade"] !== undefined;
  });
}

describe.each(operations().map((one) => [one.method.toUpperCase(), one.path, one] as const))("%s %s", (_, __, one) => {
  test("answers whatever a client sends as the document says", async () => {
    let accepted = 0;
    let refused = 0;
    const property = fc.asyncProperty(sent(one), async (sent) => {
      const response = await send(one, sent);
      const code = await conforms(one, response);
      expect(response.status).toBeLessThan(500);
      if (response.status < 400) {
        accepted++;
        if (one.method !== "options") expect(isAllowed(one, sent), "what the document forbids was taken").toBe(true);
        return;
      }
      refused++;
      if (sent.credential !== ADMIN_KEY || isRefusedByWords(sent) || code === "idempotency_mismatch") return;
      expect(isAllowed(one, sent), `what the document allows was refused: ${response.status} ${code}`).toBe(false);
    });
    await fc.assert(property, { numRuns: runs(80), endOnFailure: false });
    expect(accepted).toBeGreaterThan(0);
    const canFail = one.method !== "options" && (one.parameters.length > 1 || one.path.startsWith("/v1/"));
    if (canFail) expect(refused).toBeGreaterThan(0);
  }, 60_000);
});
