import type { Json } from "../protocol/json.ts";

/** Turns a value into text. */
export type Format = (value: Json) => string;

export type Direction = "up" | "down" | "same";

/** Characters of a value that is no number. One may be 64 KiB, which no page can show. */
const MAX_LENGTH = 200;
const NUMERIC = /^[+-]?\d+(\.\d+)?$/;
/** The most that `Intl.NumberFormat` takes in every browser. */
const MAX_DECIMALS = 20;
/** Below it, so many decimals do not show a number as exactly as it is known. */
const SMALLEST = 1e-6;

/**
 * Makes the format of the attributes `format` and `digits`, for a language. Throws a `RangeError` if they are wrong.
 *
 * @param name `text`, `percent`, `compact`, or a currency such as `USD`; a plain number if there is none.
 * @param digits How many decimals, such as `2`; as many as there are if it is not given.
 */
export function createFormat(name: string | null, digits: string | null, language: string | undefined): Format {
  const decimals = digits ? { minimumFractionDigits: Number(digits), maximumFractionDigits: Number(digits) } : {};
  const numbers = new Intl.NumberFormat(language, { ...styleOf(name), ...decimals });
  // Decimals may be sent as strings, to be exact. If nothing says that these are numbers, they may be names as well.
  const readsStrings = Boolean(name || digits);
  return (value) => {
    if (name !== "text") {
      if (readsStrings && isNumeric(value)) return numbers.format(value);
      if (typeof value === "number") return digits ? numbers.format(value) : formatExactly(numbers, value);
    }
    if (value === null) return "–";
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  };
}

function styleOf(name: string | null): Intl.NumberFormatOptions {
  const asExact = { maximumFractionDigits: MAX_DECIMALS };
  if (!name || name === "text") return asExact;
  if (name === "percent") return { style: name, ...asExact };
  return name === "compact" ? { notation: name } : { style: "currency", currency: name };
}

/** All that is known of it, but not the error of binary fractions: 0.1 + 0.2 is 0.3. */
function formatExactly(format: Intl.NumberFormat, value: number): string {
  if (Number.isInteger(value)) return format.format(value);
  return Math.abs(value) < SMALLEST ? String(value) : format.format(Number(value.toPrecision(15)));
}

/** How a value moved. If they are not both numbers: neither up nor down. */
export function directionOf(before: Json | undefined, after: Json | undefined): Direction {
  const from = numberOf(before);
  const to = numberOf(after);
  return to > from ? "up" : to < from ? "down" : "same";
}

function isNumeric(value: Json | undefined): value is Intl.StringNumericLiteral {
  return typeof value === "string" && NUMERIC.test(value);
}

function numberOf(value: Json | undefined): number {
  return typeof value === "number" || isNumeric(value) ? Number(value) : NaN;
}
