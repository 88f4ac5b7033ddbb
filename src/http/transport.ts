import type { MiddlewareHandler } from "hono";

/** A year. Not for subdomains: they are somebody else's affair. */
const STRICT = "max-age=31536000";

/** Tells browsers that have come over https never to come otherwise. */
export const strictTransport: MiddlewareHandler = async (c, next) => {
  // A publisher that is no page has no use for it, and adding a header means building its answer twice.
  const isPage = c.req.method !== "POST" || c.req.raw.headers.has("Origin");
  if (isPage && isPublic(new URL(c.req.url))) c.res.headers.set("Strict-Transport-Security", STRICT);
  await next();
};

/** On one's own machine every other server there would be meant too. */
function isPublic({ protocol, hostname }: URL): boolean {
  return protocol === "https:" && hostname !== "localhost";
}
