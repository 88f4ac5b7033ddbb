import { WHY_INVALID, type Caller, type Grants, type Identity } from "../access/access.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { one } from "./query.ts";
import { Problem } from "./problem.ts";
import { demandRate } from "./rates.ts";

const BEARER_PROTOCOL = "bearer.";
/** For a credential with characters that a subprotocol's name cannot have, `/` and `=` among them. */
const BASE64URL = "base64url.";
const SCHEME = "bearer ";

/** Subprotocols that a client offers, in its order. */
export function offeredProtocols(request: Request): string[] {
  return (request.headers.get("Sec-WebSocket-Protocol") ?? "")
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");
}

export function isBearerProtocol(protocol: string): boolean {
  return protocol.startsWith(BEARER_PROTOCOL);
}

/** The credential in a subprotocol `bearer.<token>` or `bearer.base64url.<token as base64url>`. */
function protocolCredential(protocol: string): string {
  const credential = protocol.slice(BEARER_PROTOCOL.length);
  if (!credential.startsWith(BASE64URL)) return credential;
  try {
    return atob(credential.slice(BASE64URL.length).replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw unauthorized(sentence(WHY_INVALID.invalid));
  }
}

/**
 * The credential of a request: from the header; for a reader also from an offered subprotocol or, where neither can be
 * set, from the query.
 */
function presentedCredential(request: Request, query: URLSearchParams | undefined): string | undefined {
  const header = request.headers.get("Authorization");
  if (header !== null) {
    const credential = header.slice(SCHEME.length).trim();
    if (header.slice(0, SCHEME.length).toLowerCase() === SCHEME && credential !== "" && !credential.includes(" ")) {
      return credential;
    }
    throw unauthorized("Authorization is not of the form: Bearer <credential>.");
  }
  if (!query) {
    if (!new URL(request.url).searchParams.has("token")) return undefined;
    throw unauthorized(
      "Publishing takes the credential in the header Authorization: Bearer <credential>, not in the URL.",
    );
  }
  const protocol = offeredProtocols(request).find(isBearerProtocol);
  if (protocol !== undefined) return protocolCredential(protocol);
  // No credential has a space: it was a `+` that stood there as it is.
  return one(query, "token")?.replaceAll(" ", "+");
}

/**
 * Who makes the request, refused where it is one too many. A credential that is nobody's is refused even where none is
 * needed. `query` is given for requests that read: no other one's credential may come by URL, where it is logged and
 * kept.
 */
export async function authenticate<B extends object>(
  c: FeedContext<B>,
  options: FeedAppOptions<B>,
  query?: URLSearchParams,
): Promise<Caller> {
  const request = c.req.raw;
  let caller: Identity | Problem;
  try {
    caller = await options.access(c.env).identify(presentedCredential(request, query));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // Counted like any other that is nobody's.
    caller = error;
  }
  await demandRate(
    options,
    c.env,
    request,
    typeof caller === "string" || caller instanceof Problem ? undefined : caller,
  );
  if (caller instanceof Problem) throw caller;
  if (caller === "unavailable") {
    const headers = { "Retry-After": "5" };
    throw new Problem("overloaded", "The credential cannot be checked now. Try again.", { headers });
  }
  if (typeof caller === "string") throw unauthorized(sentence(WHY_INVALID[caller]));
  return caller;
}

/** Refuses a caller who lacks a grant on a feed: with 401 where a credential would help, with 403 where it has one. */
export function demand(caller: Caller, needed: keyof Grants, feed: string): void {
  if (caller.on(feed)[needed]) return;
  if (caller.kind === "anonymous") throw unauthorized(`A credential that allows to ${WORDS[needed]} is needed.`);
  throw new Problem("forbidden", `The credential does not allow to ${WORDS[needed]}.`);
}

const WORDS = {
  subscribe: "subscribe to this feed",
  publish: "publish to this feed",
  admin: "administer",
  metrics: "read the metrics",
} as const;

function sentence(why: string): string {
  return `${why[0]?.toUpperCase()}${why.slice(1)}.`;
}

function unauthorized(detail: string): Problem {
  return new Problem("unauthorized", detail, { headers: { "WWW-Authenticate": 'Bearer realm="tickertape"' } });
}
