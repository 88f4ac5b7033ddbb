import { withQuery } from "../feed-url.ts";
import type { Platform } from "../runtime.ts";
import type { EventOf, Memory } from "./state.ts";
import { PROBE_TIMEOUT } from "./timings.ts";

/**
 * Asks over plain HTTP why an attempt did not open, which browsers do not tell. Nothing where the server would not
 * refuse, or can't be reached.
 */
export async function probe(
  { fetch }: Platform,
  feed: URL,
  { wanted, token }: Memory,
): Promise<EventOf<"refusal"> | undefined> {
  try {
    const response = await fetch(withQuery(feed, wanted), {
      // `*` is whatever there is: it need not be sent.
      headers: { "If-None-Match": "*", ...(token && { Authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(PROBE_TIMEOUT),
    });
    if (response.status < 400) return undefined;
    const problem: { detail?: string } | undefined = await response.json().catch(() => {});
    return {
      type: "refusal",
      code: response.status,
      reason: problem?.detail,
      retryAfter: Number(response.headers.get("Retry-After")) * 1000 || 0,
    };
  } catch {
    return undefined;
  }
}
