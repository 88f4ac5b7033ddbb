import * as v from "valibot";
import { hzSchema, issueReason, modeSchema } from "../protocol/schemas.ts";
import { parsePosition, type Position } from "../protocol/position.ts";
import { parseSelection, type Subscription } from "../protocol/selection.ts";
import { Problem } from "./problem.ts";

/** What a subscriber asks for in the query. Unknown parameters are ignored; a bad value is refused. */
export interface SubscribeQuery {
  readonly subscription: Subscription;
  readonly since: Position | undefined;
}

export function readSubscribeQuery(query: URLSearchParams): SubscribeQuery {
  const selection = parseSelection(listOf(query, "keys"), listOf(query, "fields"));
  if (!selection.ok) throw new Problem("invalid_query", `${selection.reason}.`);
  const mode = query.has("mode") ? check("mode", modeSchema, parameter(query, "mode")) : "latest";
  const hz = readNumber(query, "hz", hzSchema);
  return { subscription: { selection: selection.selection, mode, hz }, since: readSince(query) };
}

/** A list that may be given in several parts; empty if it is not given. */
function listOf(query: URLSearchParams, name: string): string[] {
  return query.has(name) ? query.getAll(name).join(",").split(",") : [];
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

/** A plain decimal. If it is not given: the default of its schema, if that has one. */
export function readNumber<S extends v.GenericSchema<unknown, number>>(
  query: URLSearchParams,
  name: string,
  schema: S,
): v.InferOutput<S> | v.InferDefault<S> {
  const text = parameter(query, name);
  if (text === undefined) return v.getDefault(schema);
  // Number() also takes "", " ", "0x10": none of them is a number here.
  if (/^-?[0-9]+(\.[0-9]+)?$/.test(text)) return check(name, schema, Number(text));
  throw new Problem("invalid_query", `${name} is not a number.`);
}

function check<T>(name: string, schema: v.GenericSchema<unknown, T>, input: unknown): T {
  const result = v.safeParse(schema, input);
  if (result.success) return result.output;
  throw new Problem("invalid_query", `${name} ${issueReason(result.issues[0])}.`);
}
