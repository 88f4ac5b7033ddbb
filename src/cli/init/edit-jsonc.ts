import { createScanner, findNodeAtLocation, parseTree, type Node } from "jsonc-parser";
import { isJsonObject, type Json } from "../../protocol/json.ts";
import { insertItems, type Brackets } from "./insert-items.ts";
import type { Addition } from "./needs.ts";

/** The text with an addition. All else stays as it is written, which an edit by the parser itself would format anew. */
export function addToJsonc(text: string, { path, append, set }: Addition): string {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (!root) throw new Error("there is no object");
  const list = append && findNodeAtLocation(root, [...path]);
  if (list?.type === "array")
    return insertItems(
      text,
      bracketsOf(text, list),
      (indent) => append?.map((item) => written(text, item, indent)) ?? [],
    );
  // The innermost object that is there gets the member, with all that is missing in between.
  const depth = path.findLastIndex((_, i) => findNodeAtLocation(root, path.slice(0, i))?.type === "object");
  const within = findNodeAtLocation(root, path.slice(0, depth)) ?? root;
  const value = path
    .slice(depth + 1)
    .reduceRight<Json>((inner, name) => ({ [name]: inner }), append ? [...append] : (set ?? null));
  const member = (indent?: string): string => `${JSON.stringify(path[depth])}: ${written(text, value, indent)}`;
  return insertItems(text, bracketsOf(text, within), (indent) => [member(indent)]);
}

function bracketsOf(text: string, node: Node): Brackets {
  const closing = node.offset + node.length - 1;
  const child = node.children?.at(-1);
  const last = child && ([child.offset, child.offset + child.length] as const);
  return { opening: node.offset, closing, last, comma: last && commaAfter(text, last[1], closing) };
}

/** A comma within a comment is none. */
function commaAfter(text: string, from: number, to: number): number | undefined {
  const scanner = createScanner(text.slice(from, to), true);
  scanner.scan();
  const at = from + scanner.getTokenOffset();
  return at < to && text[at] === "," ? at : undefined;
}

/** On lines of its own, as the file is written; small objects on one. `indent` is that of the first line. */
function written(text: string, value: Json, indent: string | undefined): string {
  if (indent === undefined || isSmall(value)) return onOneLine(value);
  const step = /\n([ \t]+)\S/.exec(text)?.[1] ?? "  ";
  const inner = indent + step;
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const [open, close, items] = Array.isArray(value)
    ? ["[", "]", value.map((item) => written(text, item, inner))]
    : ["{", "}", membersOf(value).map(([name, member]) => `${JSON.stringify(name)}: ${written(text, member, inner)}`)];
  return `${open}${eol}${items.map((item) => inner + item).join(`,${eol}`)}${eol}${indent}${close}`;
}

const membersOf = (value: Json): [string, Json][] => (isJsonObject(value) ? Object.entries(value) : []);

/** Characters of what is written on one line. */
const SHORT = 110;

function isSmall(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  return onOneLine(value).length <= SHORT && !(Array.isArray(value) && value.some(isJsonObject));
}

function onOneLine(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  return `{ ${membersOf(value)
    .map(([name, member]) => `${JSON.stringify(name)}: ${onOneLine(member)}`)
    .join(", ")} }`;
}
