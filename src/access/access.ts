import type { FeedOptions } from "../declared/feed.ts";

/** What a caller may do with one feed. */
export interface Grants {
  readonly subscribe: boolean;
  readonly publish: boolean;
  readonly admin: boolean;
  /** Whether the caller may read the figures of all feeds. */
  readonly metrics: boolean;
}

/** What code may declare of who may do what with a feed. */
export type DeclaredAccess = Pick<FeedOptions, "subscribe" | "publish">;

/** By what was presented: nothing, a static key or a token. */
export const CALLER_KINDS = ["anonymous", "key", "token"] as const;

/** Who a request comes from, after authentication. */
export interface Caller {
  readonly kind: (typeof CALLER_KINDS)[number];
  /** The account of limits: one static key, or a token's subject; the same after rotation or renewal. No secret. */
  readonly id: string;
  /** Whose idempotency keys it uses: see `principalOf`. */
  readonly principal: string;
  /** Whom its token names (`sub`), or the operator's own sign-in; undefined for keys, and if nobody is named. */
  readonly subject?: string | undefined;
  /** When the credential expires, in milliseconds since 1970; undefined if it does not. */
  readonly expires: number | undefined;
  /** What the caller may do with a feed. */
  on(feed: string): Grants;
}

/**
 * Whose idempotency keys a caller uses, from its id. All publish keys are one principal, because they get rotated; so are all
 * admin keys: their ids are the principal, a space and a fingerprint. A token's id is its principal.
 */
export function principalOf(kind: Caller["kind"], id: string): string {
  return kind === "key" ? id.slice(0, id.lastIndexOf(" ")) : id;
}

/**
 * Why a credential is refused. `invalid`: it belongs to no caller, whatever else is wrong with it. The other reasons are
 * given only for tokens with a good signature, so that a made-up token reveals nothing.
 */
export type Invalid = "invalid" | "expired" | "too early" | "too long" | "other issuer" | "other audience";

/** The reasons in words, for the caller. */
export const WHY_INVALID: Readonly<Record<Invalid, string>> = {
  invalid: "the credential is not valid: it is no key, and no token with a good signature",
  expired: "the token has expired",
  "too early": "the token is not valid yet",
  "too long": "the token has no exp, or one that is more than 366 days ahead",
  "other issuer": "the token is not from the issuer that is trusted here",
  "other audience": "the token is not for the audience that is expected here",
};

/** The caller that a credential stands for, or why there is none. `unavailable`: the keys to check it cannot be fetched now. */
export type Identity = Caller | Invalid | "unavailable";

/** Who may do what. */
export interface Access {
  /** Finds the caller for a credential; undefined means that none is presented. At once if it is a key that is known. */
  identify(credential: string | undefined): Identity | Promise<Identity>;
  /** What the operator has to know about settings that are not accepted: a sentence for each, without a secret. */
  readonly refused: readonly string[];
  /** What a caller may do with a feed, from what its credential grants and what is declared of the feed. */
  grantsOn(feed: string, granted: Grants): Grants;
  /** Whether anyone may read a feed of which this is declared. */
  isPublic(declared: DeclaredAccess): boolean;
  /** Whether there may be a feed that anyone may read. */
  readonly isSomePublic: boolean;
  /** What the operator has to set before a publish can be accepted; undefined if one can. */
  readonly unconfigured: string | undefined;
}
