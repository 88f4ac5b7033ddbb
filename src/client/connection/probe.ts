import { withQuery } from "../feed-url.ts";
import type { Runtime } from "../runtime.ts";
import type { EventOf, PhaseData } from "./state.ts";
import { PROBE_TIMEOUT } from "./timings.ts";

/** Asks over plain HTTP why an attempt did not open, which browsers do not tell; undefined without a refusal. */
export async function probe(
  { fetch }: Runtime,
  feed: URL,
  { wanted, token }: PhaseData,
): Promise<EventOf<"probeAnswer"> | undefined> {
  try {
    const response = await fetch(withQuery(feed, wanted), {
      // `*` matches any state, so the entries are not sent.
      headers: { "If-None-Match": "*", ...(token && { Authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(PROBE_TIMEOUT),
    });
    if (response.status < 400) return undefined;
    const problem: { detail?: string } | undefined = await response.json().catch(() => {});
    return {
      type: "probeAnswer",
      code: response.status,
      reason: problem?.detail,
      retryAfter: Number(response.headers.get("Retry-After")) * 1000 || 0,
    };
  } catch {
    return undefined;
  }
}
