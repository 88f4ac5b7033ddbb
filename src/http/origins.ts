import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import type { AppEnv } from "./context.ts";
import type { Deployment } from "./deployment.ts";
import { isUpgrade } from "./upgrade.ts";
import { Problem } from "./problem.ts";

/** Whether pages of `origin` may use this server: its own origin, those listed (comma-separated), or any for `*`. */
function allowsOrigin(origin: string, { req, var: { deployment } }: Context<AppEnv>): boolean {
  return isTrusted(origin, req.raw, deployment) || listed(deployment).includes("*");
}

/** Whether pages of `origin` may act for who is signed in: those of this origin, and those that are listed by name. */
export function isTrusted(origin: string, { url }: Request, deployment: Deployment): boolean {
  return origin === new URL(url).origin || listed(deployment).includes(origin);
}

function listed({ allowedOrigins }: Deployment): string[] {
  return allowedOrigins.split(",").map((entry) => entry.trim());
}

const cross = cors({
  origin: (origin, c: Context<AppEnv>) => (allowsOrigin(origin, c) ? origin : null),
  allowMethods: ["GET", "HEAD", "POST", "DELETE"],
  allowHeaders: [
    "Authorization",
    "Content-Type",
    "Content-Encoding",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
  ],
  exposeHeaders: ["ETag", "Idempotency-Replayed", "Retry-After"],
  maxAge: 86_400,
});

/**
 * Whether a page may read the response. A publisher that names no origin is no page: what only matters to pages is left
 * out, as to add a header the response has to be built twice. Responses to other methods have it for every client: a cache
 * may hand them on to a page.
 */
export function isForPages({ method, headers }: Request): boolean {
  return method !== "POST" || headers.has("Origin");
}

/** Answers preflights, and names the page's origin in the response if it is allowed. */
export const crossOrigin: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (!isForPages(c.req.raw)) return next();
  const preflight = await cross(c, next);
  const origin = c.req.raw.headers.get("Origin");
  // Pages of other origins send cookies only where they are told that they may.
  if (c.var.deployment.signIn && origin !== null && isTrusted(origin, c.req.raw, c.var.deployment))
    (preflight ?? c.res).headers.set("Access-Control-Allow-Credentials", "true");
  return preflight;
};

/** Browsers let a page open sockets to any origin: without this, each could read with its visitor's network access. */
export const checkUpgradeOrigin: MiddlewareHandler<AppEnv> = async (c, next) => {
  const origin = c.req.raw.headers.get("Origin");
  if (isUpgrade(c.req.raw) && origin !== null && !allowsOrigin(origin, c)) {
    throw new Problem(
      "origin_not_allowed",
      "Pages of this origin may not subscribe here. Set ALLOWED_ORIGINS to allow it.",
    );
  }
  await next();
};

/** A year. Not for subdomains: they may belong to others. */
const STRICT = "max-age=31536000";

/** Tells browsers that have come over https to use nothing else. */
export const strictTransport: MiddlewareHandler = async (c, next) => {
  if (isForPages(c.req.raw) && isPublic(new URL(c.req.url))) c.res.headers.set("Strict-Transport-Security", STRICT);
  await next();
};

/** On localhost the header would apply to every other server of the machine too. */
function isPublic({ protocol, hostname }: URL): boolean {
  return protocol === "https:" && hostname !== "localhost";
}
