import { isObject, type Schema } from "./references.ts";
import { conforms, type Answered } from "./exchange.ts";
import { send, type Said, type Sent } from "./requests.ts";
import { operations, type Operation } from "./served.ts";

/** A request and its answer. */
export interface Exchange {
  readonly operation: Operation;
  readonly sent: Sent;
  readonly answered: Answered;
}

/** The request that a link leads to: its operation, its parameters, and the body if the link has one. */
export interface Linked {
  readonly name: string;
  readonly operation: Operation;
  readonly given: ReadonlyMap<string, string>;
  readonly body: Sent["body"];
}

export const idOf = ({ operation }: Operation): string => String(operation["operationId"]);
export const named = (id: string): Operation => operations.find((one) => idOf(one) === id)!;

/** Sends a request, and checks the answer by the document. */
export async function exchange(operation: Operation, sent: Sent): Promise<Exchange> {
  return { operation, sent, answered: await conforms(operation, await send(operation, sent)) };
}

/** The links of an answer, without those whose values the answer does not have. */
export function linksOf(exchange: Exchange): Linked[] {
  const links = (exchange.answered.described["links"] ?? {}) as Record<string, Schema>;
  return Object.entries(links).flatMap(([name, { operationId, parameters, requestBody }]) => {
    const operation = operations.find(({ operation }) => operation["operationId"] === operationId);
    if (!operation) throw new Error(`no operation is called ${String(operationId)}`);
    const given = new Map<string, string>();
    for (const [parameter, expression] of Object.entries(parameters as Record<string, string>)) {
      const value = evaluate(exchange, expression);
      if (value === undefined) return [];
      given.set(parameter, value);
    }
    return [{ name, operation, given, body: requestBody === "$request.body" ? exchange.sent.body : undefined }];
  });
}

/** Replaces made-up values by those that a link gives. */
export function linkedRequest({ operation, given, body }: Linked, made: Sent): Sent {
  const parameters = operation.parameters.map((parameter): Said => {
    const text = given.get(`${String(parameter["in"])}.${String(parameter["name"])}`);
    const other = made.parameters.find((said) => said.parameter === parameter)?.text;
    return { parameter, text: text ?? other };
  });
  return { ...made, parameters, body: body ?? made.body };
}

/** Follows a link with only the parameters that it gives, and `more`. */
export function followLink(from: Exchange, name: string, more: Record<string, string> = {}): Promise<Exchange> {
  const link = linksOf(from).find((link) => link.name === name);
  if (!link) throw new Error(`no link ${name}`);
  const given = new Map([...link.given, ...Object.entries(more)]);
  const nothing = link.operation.parameters.map((parameter) => ({ parameter, text: undefined }));
  const sent = { parameters: nothing, body: undefined, security: "bearer", wants: {} };
  return exchange(link.operation, linkedRequest({ ...link, given }, sent));
}

/** Evaluates a runtime expression of OpenAPI, or a text with such expressions in braces. */
function evaluate(exchange: Exchange, expression: string): string | undefined {
  if (expression.startsWith("$")) return valueOf(exchange, expression);
  let isWhole = true;
  const text = expression.replaceAll(/\{([^}]+)\}/g, (_, inner: string) => {
    const value = valueOf(exchange, inner);
    isWhole &&= value !== undefined;
    return value ?? "";
  });
  return isWhole ? text : undefined;
}

function valueOf({ sent, answered }: Exchange, expression: string): string | undefined {
  const [, source = "", place = "", name = ""] =
    /^\$(request|response)\.(body|path|query|header)[.#](.+)$/.exec(expression) ?? [];
  if (place === "body") return pointed(source === "request" ? sent.body?.value : answered.body, name);
  if (source === "response" && place === "header") return answered.headers.get(name) ?? undefined;
  const isThere = ({ parameter }: Said): boolean => parameter["in"] === place && parameter["name"] === name;
  if (source === "request") return sent.parameters.find(isThere)?.text;
  throw new Error(`${expression} is no expression`);
}

/** Returns what a JSON pointer leads to, as text. */
function pointed(body: unknown, pointer: string): string | undefined {
  let found = body;
  for (const name of pointer.slice(1).split("/")) {
    const parts: unknown = found;
    found =
      (isObject(parts) || Array.isArray(parts)) && Object.hasOwn(parts, name) ? Reflect.get(parts, name) : undefined;
  }
  return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
}
