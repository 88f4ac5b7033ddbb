/** What a caller may do with one feed. */
export interface Grants {
  readonly subscribe: boolean;
  readonly publish: boolean;
  readonly admin: boolean;
  /** Whether it may read the figures of all feeds. */
  readonly metrics: boolean;
}

/** Somebody who makes a request. */
export interface Caller {
  /** What was presented: nothing, a static key or a token. */
  readonly kind: "anonymous" | "key" | "token";
  /**
   * Who it is, as limits count: one static key, or whom a token was issued to. The same after keys were rotated and
   * tokens renewed, and no secret.
   */
  readonly id: string;
  /** Whose idempotency keys it uses: all publish keys are one publisher's, who rotates them; so are all admin keys. */
  readonly principal: string;
  /** When the credential ends, in milliseconds since 1970; none where it does not. */
  readonly expires: number | undefined;
  /** What the caller may do with a feed. */
  on(feed: string): Grants;
}

/**
 * Why a credential is not taken. `invalid`: it is nobody's, whatever else may be wrong with it. The others are told of
 * tokens alone whose signature is good: whoever made one up learns nothing.
 */
export type Invalid = "invalid" | "expired" | "too early" | "too long" | "other issuer" | "other audience";

/** What is said of it. */
export const WHY_INVALID: Readonly<Record<Invalid, string>> = {
  invalid: "the credential is not valid: it is no key, and no token with a good signature",
  expired: "the token has expired",
  "too early": "the token is not valid yet",
  "too long": "the token has no exp, or one that is more than 366 days ahead",
  "other issuer": "the token is not from the issuer that is trusted here",
  "other audience": "the token is not for the audience that is expected here",
};

/**
 * Who presents a credential, or why it is not taken. `unavailable`: that cannot be told now, as the keys to check it with
 * cannot be had.
 */
export type Identity = Caller | Invalid | "unavailable";

/** Who may do what. */
export interface Access {
  /** Who presents this credential, if any. */
  identify(credential: string | undefined): Promise<Identity>;
  /** What an operator has to know of settings that are not taken as they stand: a sentence each, without a secret. */
  readonly refused: readonly string[];
  /** What an operator has to set before anyone can publish; nothing where somebody can. */
  readonly unconfigured: string | undefined;
}
