import { env } from "cloudflare:workers";

/** How often a property is tried: `short` times, or as `PROPERTY_RUNS` says for a long run of the same tests. */
export function runs(short: number): number {
  const asked = "PROPERTY_RUNS" in env ? Number(env.PROPERTY_RUNS) : 0;
  return asked > 0 ? asked : short;
}
