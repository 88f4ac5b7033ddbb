import type { Wire } from "./wire.ts";

/** What a check cannot do without. */
export type Need = "nothing" | "publish" | "admin";

/** One rule of the contract, in its words. `run` throws a `Deviation` where the server does otherwise. */
export interface Check {
  readonly rule: string;
  readonly needs: Need;
  run(wire: Wire): Promise<void>;
}

export function check(needs: Need, rule: string, run: (wire: Wire) => Promise<void>): Check {
  return { rule, needs, run };
}

/** The server does not do what the contract says. */
export class Deviation extends Error {
  constructor(what: string, expected: unknown, got: unknown) {
    super(`${what}: expected ${brief(expected)}, got ${brief(got)}`);
  }
}

/** The rule cannot be looked at here, for a reason other than the server. */
export class Unchecked extends Error {}

/** Holds `got` against `expected`: the same JSON, whatever the order of members. */
export function same(what: string, got: unknown, expected: unknown): void {
  if (canonical(got) !== canonical(expected)) throw new Deviation(what, expected, got);
}

/** Holds the members of `got` that `expected` names against it. There may be others: clients ignore what they don't know. */
export function has(what: string, got: unknown, expected: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(expected)) same(`${what}, ${name}`, member(got, name), value);
}

export function holds(what: string, condition: boolean, expected: string, got: unknown): void {
  if (!condition) throw new Deviation(what, expected, got);
}

/** A member of parsed JSON; nothing where it is not there. */
export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "nothing";
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join()}}`;
}

function brief(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
