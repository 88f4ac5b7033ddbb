import type { Case, Figures } from "./scenario.ts";
import { median } from "./statistics.ts";

export type GoalLine = readonly [what: string, goal: string, measured: string, answer: string];

interface Measured {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** One value for each run, in order. */
  readonly values: readonly number[];
}

export interface CaseReport {
  readonly case: string;
  readonly figures: Readonly<Record<string, Measured>>;
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly about: string;
  readonly cases: readonly CaseReport[];
}

/** Adds to each case of a contest its ratio to the contest's best peer in this run. */
export function withRatios(run: ReadonlyMap<Case, Figures>): Map<Case, Figures> {
  const best = new Map<string, number>();
  for (const [{ contest }, figures] of run) {
    if (contest?.isPeer !== true) continue;
    best.set(contest.of, Math.max(best.get(contest.of) ?? 0, figures[contest.figure] ?? 0));
  }
  return new Map(
    Array.from(run, ([measured, figures]) => {
      const { contest } = measured;
      if (!contest) return [measured, figures];
      const ratio = (figures[contest.figure] ?? NaN) / (best.get(contest.of) ?? NaN);
      return [measured, { ...figures, "times best peer": ratio }];
    }),
  );
}

/** Sums up the runs of one case. A run that could not measure a figure (NaN) does not count for it. */
export function summarize(name: string, runs: readonly Figures[]): CaseReport {
  const figures: Record<string, Measured> = {};
  for (const figure of Object.keys(runs[0] ?? {})) {
    const values = runs.map((run) => run[figure] ?? NaN).filter((value) => !Number.isNaN(value));
    figures[figure] = { median: median(values), min: Math.min(...values), max: Math.max(...values), values };
  }
  return { case: name, figures };
}

/** The table of a scenario in Markdown: the median, and the range of the runs. */
export function formatTable({ cases }: ScenarioReport): string {
  const names = Object.keys(cases[0]?.figures ?? {});
  const rows = cases.map((line) => [line.case, ...names.map((name) => formatMeasured(line.figures[name]))]);
  return markdown([["case", ...names], ...rows], pad);
}

/** The goals in Markdown. */
export function formatGoals(lines: readonly GoalLine[]): string {
  return markdown([["what", "goal", "measured", "answer"], ...lines], (cell, width) => cell.padEnd(width));
}

type Pad = (cell: string, width: number, column: number) => string;

function markdown(table: readonly (readonly string[])[], pad: Pad): string {
  const widths = table[0]?.map((_, i) => Math.max(...table.map((cells) => cells[i]?.length ?? 0))) ?? [];
  const lines = table.map((cells) => `| ${cells.map((cell, i) => pad(cell, widths[i] ?? 0, i)).join(" | ")} |`);
  const rule = `| ${widths.map((width, i) => (pad("-", 2, i) === "- " ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function formatMeasured(measured: Measured | undefined): string {
  if (!measured || measured.values.length === 0) return "";
  const { median: middle, min, max, values } = measured;
  if (values.length === 1 || min === max) return formatNumber(middle);
  return `${formatNumber(middle)} (${formatNumber(min)}–${formatNumber(max)})`;
}

/** A shared machine cannot repeat more than three digits. */
function formatNumber(value: number): string {
  if (value === 0 || Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}
