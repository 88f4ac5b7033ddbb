/** As JSON. Throws a `RangeError` or `TypeError` for what no server could take. */
export function encodeUpdate(update: unknown): string {
  let text: string | undefined = "{}";
  try {
    text = JSON.stringify(update);
  } catch {
    // The second attempt says what is wrong with it.
  }
  // JSON writes NaN and Infinity as null, which in a patch would delete the field, and a Map as {}.
  if (text && /null|{}/.test(text)) text = JSON.stringify(update, refuseUnwritable);
  if (text?.[0] === "{") return text;
  throw new TypeError(`An update is an object with a key and one of set, patch and delete, not ${text}.`);
}

function refuseUnwritable(name: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${name} is ${value}, not a number.`);
  if (typeof value === "bigint" || value instanceof Map || value instanceof Set) {
    throw new TypeError(`${name} is a BigInt, Map or Set: give a number, text, an array or an object.`);
  }
  return value;
}
