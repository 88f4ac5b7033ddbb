import { SignJWT, type JWTPayload } from "jose";

/** What the tests' Worker is deployed with. */
export const JWT_SECRET = "a shared secret of the tests alone";

export interface TokenOptions {
  readonly secret?: string;
  /** Milliseconds since 1970; an hour from now where it is not given, none where it is null. */
  readonly expires?: number | null;
  readonly claims?: JWTPayload;
}

/** A token signed with HS256 that carries this scope. */
export function token(scope: string | undefined, options: TokenOptions = {}): Promise<string> {
  const { secret = JWT_SECRET, expires = Date.now() + 3_600_000, claims = {} } = options;
  const payload = {
    ...(scope === undefined ? {} : { scope }),
    ...(expires === null ? {} : { exp: Math.floor(expires / 1000) }),
    ...claims,
  };
  return new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));
}
