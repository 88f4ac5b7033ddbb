/*
 * Keys of publisher sessions. A publisher that keeps its order makes a random session id, numbers its batches from 1 on, and
 * gives each of them the idempotency key `~session/<id>/<number>`. No schemas here: the publisher SDK imports this file.
 */

/** One batch of a publisher's session. */
export interface SessionNumber {
  /** 22 characters of base64url: 128 random bits or more. */
  readonly session: string;
  /** 1, 2, 3, ... */
  readonly number: number;
}

/** Begins with what no name begins with, so that nobody's own key is taken for one. Other keys that begin so are ordinary. */
const SESSION_KEY = /^~session\/([A-Za-z0-9_-]{22})\/([1-9][0-9]{0,15})$/;

export function formatSessionKey({ session, number }: SessionNumber): string {
  return `~session/${session}/${number}`;
}

/** Undefined if it is an ordinary idempotency key. */
export function parseSessionKey(key: string): SessionNumber | undefined {
  if (key[0] !== "~") return undefined;
  const [, session, digits] = SESSION_KEY.exec(key) ?? [];
  const number = Number(digits);
  return session !== undefined && Number.isSafeInteger(number) ? { session, number } : undefined;
}

/** Codes of what is refused since another publish of the session was, or is not known: it did nothing wrong by itself. */
export const SESSION_REFUSALS = ["out_of_order", "unknown_session"] as const;
