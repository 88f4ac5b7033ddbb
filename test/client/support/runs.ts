/** How often a property is tried: `short` times, or as `PROPERTY_RUNS` says for a long run of the same tests. */
export function runs(short: number): number {
  return Number(process.env["PROPERTY_RUNS"]) || short;
}
