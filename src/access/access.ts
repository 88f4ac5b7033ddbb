/** What a caller may do with one feed. */
export interface Grants {
  readonly subscribe: boolean;
  readonly publish: boolean;
  readonly admin: boolean;
}

/** Who may do what. `credential` is what the caller presented, if anything. */
export interface Access {
  /** The caller's grants on a feed, or `invalid` where a credential was presented that is nobody's. */
  authenticate(credential: string | undefined, feed: string): Promise<Grants | "invalid">;
  /** What an operator has to set before anyone can publish; nothing where somebody can. */
  readonly unconfigured: string | undefined;
}
