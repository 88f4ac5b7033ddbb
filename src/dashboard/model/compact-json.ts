import type { Json } from "../../protocol/json.ts";

/**
 * A value as JSON on one line, cut once it is longer than `limit` characters: what is cut off is never written, so that
 * a large value costs no more than a small one.
 */
export function compactJson(value: Json, limit: number): string {
  const text = write(value, limit);
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function write(value: Json, left: number): string {
  if (typeof value === "string") return JSON.stringify(value.length > left ? value.slice(0, left + 1) : value);
  if (typeof value !== "object" || value === null) return String(value);
  const isArray = Array.isArray(value);
  let text = isArray ? "[" : "{";
  let first = true;
  for (const name of Object.keys(value)) {
    if (text.length > left) return text;
    if (!first) text += ",";
    first = false;
    const member: Json | undefined = isArray ? value[Number(name)] : value[name];
    const label = isArray ? "" : `${JSON.stringify(name)}:`;
    text += label + write(member ?? null, left - text.length);
  }
  return text + (isArray ? "]" : "}");
}
