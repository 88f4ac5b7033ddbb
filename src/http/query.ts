import * as v from "valibot";
import { hzSchema, modeSchema, type Subscription } from "../protocol/subscription.ts";
import { issueReason } from "../protocol/schemas.ts";
import { LIMITS } from "../protocol/limits.ts";
import { parsePosition, type Position } from "../protocol/position.ts";
import { parseSelection } from "../protocol/selection.ts";
import { Problem } from "./problem.ts";

/** What a subscriber asks for in the query. Unknown parameters are ignored; a bad value is refused. */
export interface SubscribeQuery {
  readonly subscription: Subscription;
  readonly since: Position | undefined;
}

/** Seconds that a reader waits for a change; 0 if it does not wait. Only `GET` without an upgrade has it. */
export function readWait(query: URLSearchParams): number {
  if (!query.has("wait")) return 0;
  const seconds = readNumber("wait", parameter(query, "wait"));
  if (seconds >= 0 && seconds <= LIMITS.waitMax) return seconds;
  throw new Problem("invalid_query", `wait is not a number from 0 to ${LIMITS.waitMax}.`);
}

export function readSubscribeQuery(query: URLSearchParams): SubscribeQuery {
  const keys = query.getAll("keys").join(",");
  const selection = parseSelection(query.has("keys") ? keys.split(",") : []);
  if (!selection.ok) throw new Problem("invalid_query", `${selection.reason}.`);
  const mode = query.has("mode") ? check("mode", modeSchema, parameter(query, "mode")) : "latest";
  const hz = query.has("hz") ? check("hz", hzSchema, readNumber("hz", parameter(query, "hz"))) : undefined;
  return { subscription: { selection: selection.selection, mode, hz }, since: readSince(query) };
}

function readSince(query: URLSearchParams): Position | undefined {
  const text = parameter(query, "since");
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (!position) throw new Problem("invalid_query", "since is not a position, which is written epoch:seq.");
  return position;
}

/** A parameter that may be given once; undefined if it is not given. */
export function parameter(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name);
  if (values.length > 1) throw new Problem("invalid_query", `${name} is given ${values.length} times.`);
  return values[0];
}

/** A whole number within bounds; undefined if the parameter is not given. */
export function readInteger(query: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = parameter(query, name);
  if (text === undefined) return undefined;
  const value = readNumber(name, text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Problem("invalid_query", `${name} is not a whole number from ${min} to ${max}.`);
}

function readNumber(name: string, text: string | undefined): number {
  // Number() also takes "", " ", "0x10": none of them is a number here.
  if (text !== undefined && /^-?[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text);
  throw new Problem("invalid_query", `${name} is not a number.`);
}

function check<T>(name: string, schema: v.GenericSchema<unknown, T>, input: unknown): T {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  throw new Problem("invalid_query", `${name} ${issueReason(result.issues[0])}.`);
}
