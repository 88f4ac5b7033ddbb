import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { Problem } from "./problem.ts";

/** Whether pages of `origin` may use this server: its own origin, those listed (comma-separated), or any for `*`. */
function allowsOrigin(allowed: string, origin: string, url: string): boolean {
  if (origin === new URL(url).origin) return true;
  return allowed.split(",").some((entry) => entry.trim() === "*" || entry.trim() === origin);
}

/** Answers preflights and names allowed origins on every answer to a page. */
export function crossOrigin<E extends { Bindings: object }>(
  allowedOf: (env: E["Bindings"]) => string,
): MiddlewareHandler<E> {
  const answerPage = cors({
    origin: (origin, c: Context<E>) => (allowsOrigin(allowedOf(c.env), origin, c.req.url) ? origin : null),
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
  return async (c, next) => {
    // A publisher that is no page has no use for these headers, and adding them means building its answer twice.
    // Answers to the other methods are named whoever asks: a cache may hand them on to a page.
    if (c.req.method === "POST" && !c.req.raw.headers.has("Origin")) return next();
    return answerPage(c, next);
  };
}

/**
 * Refuses an upgrade from a page of another origin. Browsers do not keep sockets to one origin by themselves, so
 * that without this any page could read with its visitor's network access.
 */
export function demandOrigin(allowed: string, request: Request): void {
  const origin = request.headers.get("Origin");
  if (origin === null || allowsOrigin(allowed, origin, request.url)) return;
  throw new Problem(
    "origin_not_allowed",
    "Pages of this origin may not subscribe here. Set ALLOWED_ORIGINS to allow it.",
  );
}
