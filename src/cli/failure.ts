/** Something is not as it should be: one sentence for the user, and exit code 1. */
export class Failure extends Error {}

/** The command line asks for what cannot be: one sentence, and exit code 2. */
export class UsageError extends Error {}

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** As a shell has it for a program that was interrupted before it was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Why a fetch failed stands in its cause: "fetch failed" helps nobody.
  return error.cause instanceof Error ? `${error.message}: ${messageOf(error.cause)}` : error.message;
}

/** What to say where a command's own feeds are not served. */
export function notServed(url: string, prefix: string): string {
  return `${url} serves no feed whose name begins with ${prefix}: name one that it serves with --feed-prefix, or declare "${prefix}*": feed({}) there.`;
}

/** What to say where a server answers 404 in words that are not Tickertape's. */
export const NO_TICKERTAPE =
  "there is no Tickertape at this address; if it is mounted under a path, the path is a part of it, as in https://example.com/live";
