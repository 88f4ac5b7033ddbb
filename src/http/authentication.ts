import type { MiddlewareHandler } from "hono";
import { WHY_INVALID, type Caller, type Grants, type Identity } from "../access/access.ts";
import type { CountedCaller } from "../limits/places.ts";
import { clientIpOf } from "./client-ip.ts";
import type { AppContext, AppEnv } from "./context.ts";
import type { Deployment } from "./deployment.ts";
import { isTrusted } from "./origins.ts";
import { Problem } from "./problem.ts";
import { parameter } from "./query.ts";

const BEARER_PROTOCOL = "bearer.";
/** Marks a credential with characters that the name of a subprotocol cannot have, `/` and `=` among them. */
const BASE64URL = "base64url.";
const SCHEME = "bearer ";
/** Seconds: the platform counts in windows of a minute, and does not say when one ends. */
const RETRY_AFTER = 20;

/** Sets `caller`, or refuses a request without that grant on its feed. A function tells the grant of a request that reads. */
export function authorize(grant: keyof Grants | ((c: AppContext) => keyof Grants)): MiddlewareHandler<AppEnv> {
  const reads = grant === "subscribe" || typeof grant === "function";
  return async (c, next) => {
    const caller = await (reads ? authenticateReader(c) : authenticate(c.get("deployment"), c.req.raw));
    demandGrant(caller, typeof grant === "function" ? grant(c) : grant, c.get("feed") ?? "");
    c.set("caller", caller);
    await next();
  };
}

/** Sets `caller`, or refuses one without a credential if reading any feed needs one. Lists show a caller what it may read. */
export const authorizeList: MiddlewareHandler<AppEnv> = async (c, next) => {
  const caller = await authenticateReader(c);
  if (caller.kind === "anonymous" && !c.var.deployment.access.isSomePublic)
    throw unauthorized(`A credential that allows to ${WORDS.subscribe} is needed.`);
  c.set("caller", caller);
  await next();
};

/** Who publishes, if it may publish to the feed. Tells the operator if nobody can. */
export async function authorizePublisher(deployment: Deployment, request: Request, feed: string): Promise<Caller> {
  const { unconfigured } = deployment.access;
  if (unconfigured !== undefined) console.warn(`tickertape: ${unconfigured}`);
  const caller = await authenticate(deployment, request);
  demandGrant(caller, "publish", feed);
  return caller;
}

/**
 * Finds out who the caller is, and refuses it if it has made too many requests. A credential that is not valid is refused
 * even if none is needed. `query` is given for requests that read: other credentials may not come in a URL, where they are
 * logged and stored.
 */
async function authenticate(deployment: Deployment, request: Request, query?: URLSearchParams): Promise<Caller> {
  let identity: Identity | Problem | undefined;
  try {
    identity = deployment.signIn ? await signedIn(deployment, request) : undefined;
    if (identity === undefined) {
      const identifying = deployment.access.identify(presentedCredential(request, query));
      identity = identifying instanceof Promise ? await identifying : identifying;
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // Counted like any other request without a valid credential.
    identity = error;
  }
  const caller = typeof identity === "string" || identity instanceof Problem ? undefined : identity;
  const counting = countRequest(deployment, request, caller);
  if (counting) demandRate(await counting);
  if (identity instanceof Problem) throw identity;
  if (identity === "unavailable") {
    throw new Problem("overloaded", "The credential cannot be checked now. Try again.", { retryAfter: 5 });
  }
  if (typeof identity === "string") throw unauthorized(sentence(WHY_INVALID[identity]));
  return identity;
}

/**
 * The caller that the operator's own sign-in finds; undefined if it finds none. A browser sends a cookie with whatever a page of
 * any origin asks for, so that only pages of this origin, and of those that are allowed by name, are taken for their visitors.
 */
async function signedIn(deployment: Deployment, request: Request): Promise<Caller | undefined> {
  const caller = await deployment.signIn?.(request);
  const origin = request.headers.get("Origin");
  if (!caller || origin === null || isTrusted(origin, request, deployment)) return caller;
  throw new Problem("origin_not_allowed", "Pages of this origin may not act for who is signed in here.");
}

/** The same for a request that reads, whose query it parses for the handler too. */
function authenticateReader(c: AppContext): Promise<Caller> {
  const query = new URL(c.req.url).searchParams;
  c.set("query", query);
  return authenticate(c.get("deployment"), c.req.raw, query);
}

/**
 * Counts a request; undefined if it is not limited. The platform counts them, by client IP without a valid credential and
 * else by credential, in each of its locations, not exactly, and without delay.
 */
function countRequest(
  { ipRate, credentialRate }: Deployment,
  request: Request,
  caller: Caller | undefined,
): Promise<RateLimitOutcome> | undefined {
  const isKnown = caller !== undefined && caller.kind !== "anonymous";
  const counter = isKnown ? credentialRate : ipRate;
  const clientIp = counter && clientIpOf(request);
  // On the developer's own machine nothing is limited.
  if (clientIp === undefined) return undefined;
  return counter?.limit({ key: isKnown ? caller.id : clientIp });
}

/** Refuses a caller that makes too many requests. */
function demandRate({ success }: RateLimitOutcome): void {
  if (success) return;
  throw new Problem("rate_limited", "Too many requests. Come back later.", { retryAfter: RETRY_AFTER });
}

/** What limits know of a caller. */
export function countedCaller({ kind, id, subject }: Caller, request: Request): CountedCaller {
  return { clientIp: clientIpOf(request), kind, credential: kind === "anonymous" ? undefined : id, subject };
}

/** The same for limits that count by client IP only what has no credential. */
export function countedByOne(caller: Caller, request: Request): CountedCaller {
  const counted = countedCaller(caller, request);
  return counted.credential === undefined ? counted : { ...counted, clientIp: undefined };
}

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

/** The credential of a request: from the header; of a reader also from an offered subprotocol or the query. */
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
  // No credential has a space: it was a `+` that was not encoded.
  return parameter(query, "token")?.replaceAll(" ", "+");
}

/** Refuses a caller without a grant on a feed: with 401 if a credential would help, with 403 if it has one. */
function demandGrant(caller: Caller, grant: keyof Grants, feed: string): void {
  if (caller.on(feed)[grant]) return;
  if (caller.kind === "anonymous") throw unauthorized(`A credential that allows to ${WORDS[grant]} is needed.`);
  throw new Problem("forbidden", `The credential does not allow to ${WORDS[grant]}.`);
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
