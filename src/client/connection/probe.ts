import { withQuery } from "../feed-url.ts";
import type { Runtime } from "../runtime.ts";
import type { EventOf, PhaseData } from "./state.ts";
import { PROBE_TIMEOUT } from "./timings.ts";

/**
 * Asks over plain HTTP why an attempt did not open, which browsers do not tell; undefined if the feed can be read so. An
 * answer that the browser keeps from a page shows by this: any page may read whether the server is there.
 */
export async function probe(
  { fetch }: Runtime,
  feed: URL,
  { wanted, token }: PhaseData,
): Promise<EventOf<"probeAnswer"> | undefined> {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT);
  try {
    const response = await fetch(withQuery(feed, wanted), {
      // `*` matches any state, so the entries are not sent.
      headers: { "If-None-Match": "*", ...(token && { Authorization: `Bearer ${token}` }) },
      signal,
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
    const [code, reason] = await fetch(new URL("../../healthz", feed), { signal }).then(
      (): [number, string] => [403, "Pages of this origin may not subscribe here: see ALLOWED_ORIGINS"],
      (): [number, string] => [1006, `no server answers at ${feed.host}`],
    );
    // The server may have come up in between.
    return { type: "probeAnswer", code, reason, isGuess: true };
  }
}
