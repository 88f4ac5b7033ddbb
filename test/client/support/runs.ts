/** How often a property runs: `short` times, or `PROPERTY_RUNS` times in a long run of the same tests. */
export function runs(short: number): number {
  return Number(process.env["PROPERTY_RUNS"]) || short;
}
