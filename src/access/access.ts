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
  /** Whether no credential was presented. */
  readonly anonymous: boolean;
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
 * Who presents a credential. `invalid`: it is nobody's, or has ended. `unavailable`: that cannot be told now, as the
 * keys to check it with cannot be had.
 */
export type Identity = Caller | "invalid" | "unavailable";

/** Who may do what. */
export interface Access {
  /** Who presents this credential, if any. */
  identify(credential: string | undefined): Promise<Identity>;
  /** What an operator has to know of settings that are not taken as they stand: a sentence each, without a secret. */
  readonly refused: readonly string[];
  /** What an operator has to set before anyone can publish; nothing where somebody can. */
  readonly unconfigured: string | undefined;
}
