import type { Lab } from "./lab.ts";

/** Measured values by name. The name says the unit. */
export type Figures = Readonly<Record<string, number>>;

/** One line of a scenario's table, measured once a run with processes of its own. */
export interface Case {
  readonly name: string;
  readonly run: () => Promise<Figures>;
  /** For comparing servers: each case gets its ratio to the best peer of the same contest in the same run. */
  readonly contest?: { readonly of: string; readonly isPeer: boolean; readonly figure: string };
}

/** A question to the server. All its cases measure the same figures. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** The most runs that make sense, for a scenario that takes minutes. */
  readonly mostRuns?: number;
  /** Prepares what all runs share, such as a filled storage. Returns the cases in the order of the table. */
  prepare(lab: Lab): Promise<readonly Case[]>;
}
