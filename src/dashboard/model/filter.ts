import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";

/** The words of a filter. Every one of them has to be found. */
export function readWords(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
}

/** Whether each word is part of the key or of a text field, wherever in the value. */
export function matches(key: string, value: JsonObject, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const texts = [key.toLowerCase()];
  collect(value, texts);
  return words.every((word) => texts.some((text) => text.includes(word)));
}

function collect(value: Json, texts: string[]): void {
  if (typeof value === "string") texts.push(value.toLowerCase());
  else if (Array.isArray(value)) for (const item of value) collect(item, texts);
  else if (isJsonObject(value)) for (const name of Object.keys(value)) collect(value[name] ?? null, texts);
}
