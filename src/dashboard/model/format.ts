import type { Json } from "../../protocol/json.ts";

const MAX_DECIMALS = 8;
/** Characters of a cell. A value may be 64 KiB, which no cell can show. */
const MAX_LENGTH = 200;
const NUMERIC_TEXT = /^[+-]?\d+(\.\d+)?$/;

// Sweden writes dates and times as ISO 8601 does.
const CLOCK = new Intl.DateTimeFormat("sv", { timeStyle: "medium" });
const DATE_TIME = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "medium" });

const formats: Intl.NumberFormat[] = [];

/** The number in a value, or undefined. Exact decimals are sent as strings; they count as numbers too. */
export function numberOf(value: Json | undefined): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMERIC_TEXT.test(value) ? Number(value) : undefined;
}

/**
 * How many decimals a column needs for this value. The value is rounded to 12 digits first, so that the error of binary
 * fractions (0.1 + 0.2) does not widen the column.
 */
export function decimalsOf(value: Json): number {
  if (typeof value !== "number" || needsExponent(value) || Number.isInteger(value)) return 0;
  const text = String(Number(value.toPrecision(12)));
  const point = text.indexOf(".");
  return point < 0 ? 0 : Math.min(MAX_DECIMALS, text.length - point - 1);
}

/** `decimals`: as many as the column shows. An absent field is an empty cell, `null` a dash. */
export function formatValue(value: Json | undefined, decimals: number): string {
  if (value === undefined) return "";
  if (value === null) return "–";
  if (typeof value === "number") return needsExponent(value) ? String(value) : formatOf(decimals).format(value);
  const text = typeof value === "string" ? value : compactJson(value, MAX_LENGTH);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

export type Direction = "up" | "down" | "change";

export function directionOf(before: Json | undefined, after: Json | undefined): Direction {
  const from = numberOf(before);
  const to = numberOf(after);
  if (from === undefined || to === undefined || from === to) return "change";
  return to > from ? "up" : "down";
}

/** A whole number for people: `1,200,300`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A time span in its largest unit: `now`, `4 s`, `12 min`, `3 h`, `2 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** The local time of day, `14:03:09`. */
export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

/** A local date and time, `2026-11-20 14:03:09`. */
export function formatDateTime(ms: number): string {
  return Number.isNaN(new Date(ms).getTime()) ? String(ms) : DATE_TIME.format(ms);
}

/**
 * A value as JSON on one line, cut after `limit` characters. The part that is cut off is never written, so a large value
 * costs no more than a small one.
 */
export function compactJson(value: Json, limit: number): string {
  const text = writeJson(value, limit);
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

function writeJson(value: Json, left: number): string {
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
    text += label + writeJson(member ?? null, left - text.length);
  }
  return text + (isArray ? "]" : "}");
}

/** Whether a number is too small or too large for fixed decimals to show it correctly. */
function needsExponent(value: number): boolean {
  const size = Math.abs(value);
  return size !== 0 && (size < 10 ** -MAX_DECIMALS || size >= 1e15);
}

/** Each format is made once: making one costs far more than using it. "min2" leaves years and ports without a comma. */
function formatOf(decimals: number): Intl.NumberFormat {
  return (formats[decimals] ??= new Intl.NumberFormat("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    useGrouping: "min2",
  }));
}
