import { parseTOML, type AST } from "toml-eslint-parser";
import { isJsonObject, type Json } from "../../protocol/json.ts";
import { insertItems } from "./insert-items.ts";
import type { Addition } from "./needs.ts";

type Program = ReturnType<typeof parseTOML>;

/** The text with an addition. All else stays as it is written. */
export function addToToml(text: string, addition: Addition): string {
  const program = parseTOML(text, { tomlVersion: "1.0" });
  const { path, append } = addition;
  const list = append && listAt(program, path);
  if (list) return intoList(text, program, list, append);
  if (path.length === 1 && !append?.every(isJsonObject)) return beforeTables(text, program, tomlOf(addition));
  return `${text}${text.endsWith("\n") || text === "" ? "" : "\n"}\n${tomlOf(addition)}`;
}

/** An addition as lines of their own. */
export function tomlOf({ path, append, set }: Addition): string {
  const name = path.map(keyOf).join(".");
  if (!append?.every(isJsonObject)) return `${name} = ${inline(append ? [...append] : (set ?? null))}\n`;
  return append.map((item) => `[[${name}]]\n${Object.entries(item).map(lineOf).join("")}`).join("\n");
}

const lineOf = ([name, value]: [string, Json]): string => `${keyOf(name)} = ${inline(value)}\n`;

const keyOf = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));

/** JSON's strings are strings of TOML too. */
function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, value]) => `${keyOf(name)} = ${inline(value)}`)
    .join(", ")} }`;
}

/** The list in brackets at a path. None where the list is of `[[tables]]`, or is not there. */
function listAt(program: Program, path: readonly string[]): AST.TOMLArray | undefined {
  const [top] = program.body;
  for (const node of top.body) {
    const found = node.type === "TOMLTable" ? inTable(node, path) : inPair(node, path);
    if (found) return found;
  }
  return undefined;
}

function inTable(table: AST.TOMLTable, path: readonly string[]): AST.TOMLArray | undefined {
  const rest = after(table.resolvedKey, path);
  if (!rest) return undefined;
  for (const pair of table.body) {
    const found = inPair(pair, rest);
    if (found) return found;
  }
  return undefined;
}

function inPair({ key, value }: AST.TOMLKeyValue, path: readonly string[]): AST.TOMLArray | undefined {
  const rest = after(
    key.keys.map((one) => (one.type === "TOMLBare" ? one.name : one.value)),
    path,
  );
  if (!rest) return undefined;
  if (value.type === "TOMLArray") return rest.length === 0 ? value : undefined;
  if (value.type !== "TOMLInlineTable") return undefined;
  for (const pair of value.body) {
    const found = inPair(pair, rest);
    if (found) return found;
  }
  return undefined;
}

/** What is left of a path after its beginning; undefined if it begins otherwise. */
function after(beginning: readonly (string | number)[], path: readonly string[]): readonly string[] | undefined {
  return beginning.every((name, i) => name === path[i]) ? path.slice(beginning.length) : undefined;
}

function intoList(text: string, program: Program, list: AST.TOMLArray, items: readonly Json[]): string {
  const closing = list.range[1] - 1;
  const last = list.elements.at(-1)?.range;
  const comma = program.tokens.find(({ value, range: [at] }) => value === "," && last && at >= last[1] && at < closing);
  const brackets = { opening: list.range[0], closing, last, comma: comma?.range[0] };
  return insertItems(text, brackets, () => items.map(inline));
}

/** Below the last line that stands before all tables: further down it would belong to one of these. */
function beforeTables(text: string, program: Program, line: string): string {
  const pairs = program.body[0].body.filter(({ type }) => type === "TOMLKeyValue");
  const end = pairs.at(-1)?.range[1];
  if (end === undefined) return line + text;
  const next = text.indexOf("\n", end);
  return next === -1 ? `${text}\n${line}` : `${text.slice(0, next + 1)}${line}${text.slice(next + 1)}`;
}
