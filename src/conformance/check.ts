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

/** The rule cannot be looked at here, for a reason other than the server. */
export class Unchecked extends Error {}
