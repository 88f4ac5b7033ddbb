import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { ADMIN_KEY, request } from "../support/api.ts";
import { gzip } from "../support/http.ts";
import { mutated, valid } from "./arbitraries.ts";
import { follow, type Schema } from "./references.ts";
import { openapi, type Operation } from "./served.ts";
import { findProblems } from "./validate.ts";

/** A request as a client makes it from the document. */
export interface Sent {
  readonly parameters: readonly Said[];
  /** The body as data, and the type in which it is written. */
  readonly body: { readonly type: string; readonly value: unknown } | undefined;
  /** The name of the credential's place, of those that the operation allows; "" is none. */
  readonly security: string;
  /** Headers that ask for a stream or a socket. */
  readonly wants: Readonly<Record<string, string>>;
}

/** The value of a parameter, as text; undefined if it is left out. */
export interface Said {
  readonly parameter: Schema;
  readonly text: string | undefined;
}

/** Seconds that a test has for `wait`. */
const PATIENCE = 0.02;

/** Requests that the document allows. */
export function validRequests(operation: Operation): fc.Arbitrary<Sent> {
  return fc
    .record({
      parameters: fc.tuple(
        ...operation.parameters.map((parameter) => {
          const text = texts(parameter, valid(openapi, parameter["schema"]));
          const said = parameter["required"] === true ? text : fc.option(text, { nil: undefined });
          return said.map((text) => ({ parameter, text }));
        }),
      ),
      body: bodies(operation, (schema) => valid(openapi, schema)),
      security: fc.constantFrom(...securities(operation)),
      wants: fc.constantFrom(...waysOf(operation)),
    })
    .filter(obeysWords);
}

/** Requests with one thing that the document forbids; undefined if there is no such thing. */
export function invalidRequests(operation: Operation): fc.Arbitrary<Sent> | undefined {
  const good = validRequests(operation).map((sent) => but(sent, { wants: {} }));
  const wrongs: fc.Arbitrary<Sent>[] = [];
  for (const [i, parameter] of operation.parameters.entries()) {
    const replaced = (text: fc.Arbitrary<string | undefined>): fc.Arbitrary<Sent> =>
      fc
        .tuple(good, text)
        .map(([sent, text]) => but(sent, { parameters: sent.parameters.with(i, { parameter, text }) }));
    if (canBeWrong(parameter)) {
      const any = texts(parameter, mutated(valid(openapi, parameter["schema"])));
      wrongs.push(replaced(any.filter((text) => !isAllowed(parameter, text))));
    }
    if (parameter["required"] === true && parameter["in"] !== "path") wrongs.push(replaced(fc.constant(undefined)));
  }
  const { requestBody } = operation.operation;
  if (requestBody !== undefined) {
    const wrong = bodies(operation, (schema) =>
      mutated(valid(openapi, schema)).filter((value) => findProblems(openapi, schema, value).length > 0),
    );
    const types = fc.constantFrom("text/plain", "a", "application/xml", "application/json; charset=latin1");
    wrongs.push(fc.tuple(good, wrong).map(([sent, body]) => but(sent, { body })));
    wrongs.push(fc.tuple(good, types).map(([sent, type]) => but(sent, { body: { type, value: sent.body?.value } })));
  }
  return wrongs.length === 0 ? undefined : fc.oneof(...wrongs);
}

function but(sent: Sent, changed: Partial<Sent>): Sent {
  return { ...sent, ...changed };
}

/** Sends a request over HTTP. */
export async function send(
  { path, method }: Operation,
  { parameters, body, security, wants }: Sent,
  to: (path: string, init: RequestInit) => Promise<Response> = request,
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
  if (security === "bearer") headers.set("Authorization", `Bearer ${ADMIN_KEY}`);
  if (security === "token") query.append("token", ADMIN_KEY);
  const init: RequestInit = { method: method.toUpperCase(), headers };
  if (body) {
    headers.set("Content-Type", body.type);
    const written = write(body);
    init.body = headers.get("Content-Encoding") === "gzip" ? await gzip(written) : written;
  }
  return to(query.size === 0 ? place : `${place}?${query.toString()}`, init);
}

function write({ type, value }: { type: string; value: unknown }): BodyInit {
  if (type === "application/msgpack") return encode(value);
  if (type !== "application/x-ndjson") return JSON.stringify(value);
  // One update a line.
  return (Array.isArray(value) ? value : [value]).map((line) => `${JSON.stringify(line)}\n`).join("");
}

function bodies(
  { operation }: Operation,
  values: (schema: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<Sent["body"]> {
  if (operation["requestBody"] === undefined) return fc.constant(undefined);
  const { content } = operation["requestBody"] as { content: Record<string, { schema: Schema }> };
  const batch = content["application/json"]!.schema;
  // As JSON: without -0 and undefined members.
  const plain = values(batch).map((value): unknown => JSON.parse(JSON.stringify(value)));
  return fc.record({ type: fc.constantFrom(...Object.keys(content)), value: plain });
}

/** The values of a parameter as text, without those that cannot be sent. */
function texts(parameter: Schema, values: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const all = values.map((value) => {
    if (Array.isArray(value)) return value.join();
    if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
    return String(
      parameter["name"] === "wait" && value > PATIENCE && value <= 30 ? PATIENCE : Number(value.toFixed(6)),
    );
  });
  // In a path, these mean something else.
  if (parameter["in"] === "path") return all.filter((text) => !["", ".", ".."].includes(text) && text.isWellFormed());
  return parameter["in"] === "header" ? all.filter((text) => /^[!-~]([ -~]*[!-~])?$/.test(text)) : all;
}

/** Whether the schema of a parameter allows the text. */
function isAllowed(parameter: Schema, text: string): boolean {
  const schema = follow(openapi, parameter["schema"]);
  const isNumber = schema["type"] === "number" || schema["type"] === "integer";
  const plain = isNumber && /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
  return findProblems(openapi, schema, schema["type"] === "array" ? text.split(",") : plain).length === 0;
}

function canBeWrong(parameter: Schema): boolean {
  const { type, description: _, examples: __, ...rules } = follow(openapi, parameter["schema"]);
  return type !== "string" || Object.keys(rules).length > 0;
}

/** The places of the credential that an operation allows, by name. */
function securities({ operation }: Operation): string[] {
  const needs = (operation["security"] as Schema[]).map((need) => Object.keys(need).join());
  return needs.length === 0 ? [""] : needs;
}

/** What else a request may have, as the document says in words: for streams, sockets and preflights. */
function waysOf({ path, method }: Operation): Record<string, string>[] {
  if (method === "options") return [{}, { Origin: "https://feeds.test", "Access-Control-Request-Method": "GET" }];
  if (path !== "/v1/feeds/{feed}" || method === "post" || method === "delete") return [{}];
  const stream = { Accept: "text/event-stream" };
  return method === "get" ? [{}, {}, stream, { Upgrade: "websocket" }] : [{}, stream];
}

/** Whether a request keeps the rules that the document has only in words: safe integers, subprotocols, MessagePack. */
function obeysWords({ parameters, body, wants }: Omit<Sent, "security">): boolean {
  if (body?.type === "application/msgpack" && JSON.stringify(body.value).includes('"__proto__":')) return false;
  return parameters.every(({ parameter, text }) => {
    if (text === undefined) return true;
    if (parameter["name"] === "since") return Number.isSafeInteger(Number(text.split(":")[1]));
    const isOffer = parameter["name"] === "Sec-WebSocket-Protocol" && wants["Upgrade"] !== undefined;
    return !isOffer || /^tickertape\.v1(\.msgpack)?$/.test(text);
  });
}
