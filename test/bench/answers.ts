import type { Read } from "./goal.ts";
import { GOALS } from "./goals.ts";
import type { GoalLine, ScenarioReport } from "./report.ts";

/** Answers each goal from these reports. */
export function answerGoals(reports: readonly ScenarioReport[]): GoalLine[] {
  const read: Read = (scenario, name, figure) => {
    const report = reports.find((report) => report.scenario === scenario);
    return report?.cases.find((line) => line.case === name)?.figures[figure]?.median ?? NaN;
  };
  return GOALS.map(({ what, goal, measure }) => {
    const { measured, parts } = measure(read);
    return [what, goal, measured, verdict(parts)];
  });
}

function verdict(parts: readonly number[]): string {
  if (parts.some((part) => Number.isNaN(part))) return "not measured";
  const least = Math.min(...parts);
  return least >= 1 ? "met" : `${Math.floor(100 * least)} % of it`;
}

/** The scenarios that the goals are read from, and which of their cases are needed. */
export const GOAL_PLAN: readonly { readonly scenario: string; readonly cases: string }[] = [
  { scenario: "rows", cases: "40 keys, 500/s, values of 50 bytes" },
  { scenario: "publish", cases: "16 in flight" },
  { scenario: "fanout", cases: "" },
  { scenario: "ingest", cases: "" },
  { scenario: "overload", cases: "" },
  { scenario: "keys", cases: "" },
  { scenario: "storm", cases: "" },
  { scenario: "idle", cases: "5,000" },
  { scenario: "growth", cases: "" },
  { scenario: "slow", cases: "" },
  { scenario: "wire", cases: "JSON" },
];
