import type { Lab } from "./lab.ts";

/** Measured values by name; the name says the unit. */
export type Figures = Readonly<Record<string, number>>;

/** One line of a scenario's table: measured once a run, from processes of its own. */
export interface Case {
  readonly name: string;
  readonly run: () => Promise<Figures>;
  /** Where servers are compared: each case gets its ratio to the best peer of the same contest in the same run. */
  readonly contest?: { readonly of: string; readonly isPeer: boolean; readonly figure: string };
}

/** A question put to the server. All its cases give the same figures. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Most runs that it is worth: for one that takes minutes. */
  readonly mostRuns?: number;
  /** Does what all runs share, such as filling storage, and returns the cases in the order of the table. */
  prepare(lab: Lab): Promise<readonly Case[]>;
}
