import { LIMITS } from "./limits.ts";

/** The subprotocol of sockets: JSON in text frames. Also what a socket speaks that was offered none. */
export const PROTOCOL = "tickertape.v1";
/** The same messages as MessagePack in binary frames. */
export const MSGPACK_PROTOCOL = "tickertape.v1.msgpack";

export const FEED_NAME = /^[a-z0-9][a-z0-9._-]*$/;
// A control character (C0, DEL, C1) would corrupt logs and headers; `*` and `,` belong to the syntax of selections.
// oxlint-disable-next-line no-control-regex
export const NOT_IN_A_KEY = /[\u0000-\u001f\u007f-\u009f*,]/;

/** What a feed's name is, in words. */
export const FEED_NAME_IN_WORDS = "1 to 64 of a-z 0-9 . _ -, the first one a letter or digit";

/** Whether `name` may name a feed: see `FEED_NAME_IN_WORDS`. */
export function isFeedName(name: string): boolean {
  return name.length <= LIMITS.feedNameLength && FEED_NAME.test(name);
}

/** Returns what is wrong with a key, or undefined. Its length counts code points. */
export function keyProblem(key: string): string | undefined {
  if (key === "") return "is empty";
  if (key.length > LIMITS.keyLength && Array.from(key).length > LIMITS.keyLength)
    return `is longer than ${LIMITS.keyLength} characters`;
  if (NOT_IN_A_KEY.test(key)) return "contains a control character, `*` or `,`";
  // A lone surrogate has no UTF-8 form: it would come back from storage as another key.
  if (!key.isWellFormed()) return "is not well-formed Unicode";
  return undefined;
}
