/** What a caller may do with one feed. */
export interface Grants {
  readonly subscribe: boolean;
  readonly publish: boolean;
  readonly admin: boolean;
}

/** Somebody who makes a request. */
export interface Caller {
  /** Whether no credential was presented. */
  readonly anonymous: boolean;
  /** What the caller may do with a feed. */
  on(feed: string): Grants;
}

/** Who may do what. */
export interface Access {
  /** Who presents this credential, if any; `invalid` where it is nobody's. */
  identify(credential: string | undefined): Promise<Caller | "invalid">;
  /** What an operator has to set before anyone can publish; nothing where somebody can. */
  readonly unconfigured: string | undefined;
}
