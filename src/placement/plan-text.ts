import type { Plan } from "./plan.ts";
import { isRegion } from "./regions.ts";

/** A plan as a header has it: `weur=2 enam=1`. */
export function encodePlan(plan: Plan): string {
  return Object.entries(plan)
    .map(([region, count]) => `${region}=${count}`)
    .join(" ");
}

/** Reads it back. What is not understood is left out: another version may know more regions. */
export function decodePlan(text: string): Plan {
  const plan: Partial<Record<string, number>> = {};
  for (const part of text.split(" ")) {
    const [region = "", count] = part.split("=");
    if (isRegion(region) && Number(count) > 0) plan[region] = Number(count);
  }
  return plan;
}
