function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object(value) === value;
}

/** Whether two values are the same JSON. The order of members does not matter. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  // `hasOwn`: a member that is missing may still be found on the prototype: `__proto__`, `constructor`.
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && isEqual(a[name], b[name]))
  );
}
