// @ts-check
// How values become text. Pure.

const MAX_DECIMALS = 8;
/** Longer text is cut: a value may be 64 KiB, and a cell is no place for it. */
const MAX_LENGTH = 200;
const NUMERIC_TEXT = /^[+-]?\d+(\.\d+)?$/;

/** @type {Intl.NumberFormat[]} */
const formats = [];

/**
 * A value's number, or null. Exact decimals travel as strings, and compare like numbers.
 * @param {unknown} value
 * @returns {number | null}
 */
export function numberOf(value) {
  if (typeof value === "number") return value;
  return typeof value === "string" && NUMERIC_TEXT.test(value) ? Number(value) : null;
}

/**
 * How many decimals a column needs for this value. Rounded to 12 digits first, so that the noise of binary
 * fractions (0.1 + 0.2) does not widen the column.
 * @param {unknown} value
 * @returns {number}
 */
export function decimalsOf(value) {
  if (typeof value !== "number" || needsExponent(value)) return 0;
  const text = String(Number(value.toPrecision(12)));
  const point = text.indexOf(".");
  return point < 0 ? 0 : Math.min(MAX_DECIMALS, text.length - point - 1);
}

/**
 * @param {unknown} value Undefined where the entry has no such field.
 * @param {number} decimals What its column shows.
 * @returns {string}
 */
export function formatValue(value, decimals) {
  if (value === undefined) return "";
  if (value === null) return "\u2013";
  if (typeof value === "number") return needsExponent(value) ? String(value) : formatOf(decimals).format(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}\u2026` : text;
}

/**
 * @param {unknown} before
 * @param {unknown} after
 * @returns {"up" | "down" | "change"}
 */
export function directionOf(before, after) {
  const from = numberOf(before);
  const to = numberOf(after);
  if (from === null || to === null || from === to) return "change";
  return to > from ? "up" : "down";
}

/**
 * Too small or too large for fixed decimals to tell the truth.
 * @param {number} value
 */
function needsExponent(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 10 ** -MAX_DECIMALS || size >= 1e15);
}

/** @param {number} decimals */
function formatOf(decimals) {
  // Made once each: building a format costs far more than using it. "min2" leaves years and ports ungrouped.
  return (formats[decimals] ??= new Intl.NumberFormat("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    useGrouping: "min2",
  }));
}
