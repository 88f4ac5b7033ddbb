import { Problem } from "./problem.ts";

/**
 * Awaits what changes a feed. A call that breaks may have been carried out all the same, unless the platform says that
 * the object had too much to do to take it.
 */
export async function outcomeOf<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const refused = error instanceof Error && "overloaded" in error && error.overloaded === true;
    console.error("tickertape: a call to a feed broke", error);
    if (refused) throw new Problem("overloaded", "The feed has too much to do. Nothing was changed: try again.");
    throw new Problem(
      "outcome_unknown",
      "The feed broke off. This may have been carried out or not: repeat it, with the same Idempotency-Key.",
    );
  }
}
