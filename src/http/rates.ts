import type { Caller } from "../access/access.ts";
import { addressOf } from "./client-ip.ts";
import type { FeedAppOptions } from "./options.ts";
import { Problem } from "./problem.ts";

/** Seconds: the platform counts in windows of a minute, and says nothing of when one ends. */
const RETRY_AFTER = 20;

/**
 * Refuses those who ask too often: without a valid credential by where they come from, else by who they are. The
 * platform counts, for each of its locations and without being exact, and takes no time for it.
 */
export async function demandRate<B extends object>(
  options: FeedAppOptions<B>,
  env: B,
  request: Request,
  caller: Caller | undefined,
): Promise<void> {
  const address = addressOf(request);
  // Nobody limits themselves on their own machine.
  if (address === undefined) return;
  const isKnown = caller !== undefined && caller.kind !== "anonymous";
  const counter = isKnown ? options.credentialRate(env) : options.addressRate(env);
  if (!counter) return;
  const { success } = await counter.limit({ key: isKnown ? caller.id : address });
  if (success) return;
  throw new Problem("rate_limited", "Too many requests. Come back later.", {
    headers: { "Retry-After": String(RETRY_AFTER) },
  });
}
