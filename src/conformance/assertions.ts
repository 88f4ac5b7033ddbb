import { isDeepStrictEqual } from "node:util";

/** The server does not do what the contract says. */
export class Deviation extends Error {
  constructor(what: string, expected: unknown, got: unknown) {
    super(`${what}: expected ${brief(expected)}, got ${brief(got)}`);
  }
}

/** Compares `got` with `expected`: the same JSON, in any order of members. */
export function same(what: string, got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected)) throw new Deviation(what, expected, got);
}

/** Compares the members that `expected` names. There may be others: clients ignore what they do not know. */
export function has(what: string, got: unknown, expected: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(expected)) same(`${what}, ${name}`, member(got, name), value);
}

export function holds(what: string, condition: boolean, expected: string, got: unknown): void {
  if (!condition) throw new Deviation(what, expected, got);
}

/** A member of parsed JSON; undefined if it is not there. */
export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function brief(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
