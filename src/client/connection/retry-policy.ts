/** What the end of a connection, or a refusal over HTTP, asks of the client. `fault`: what came was wrong. */
export type Verdict = "back" | "later" | "token" | "away" | "fault";

/**
 * Close codes from 4000 on are HTTP statuses of the same meaning. A 4xx means: not unchanged; 429 and a proxy's timeout
 * aside.
 */
export function verdictOf(code = 0): Verdict {
  const status = code % 4000;
  if (status === 429 || status === 503) return "later";
  if (status === 401) return "token";
  return status >= 400 && status < 500 && status !== 408 ? "away" : "back";
}
