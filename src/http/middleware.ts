import type { MiddlewareHandler } from "hono";
import { isFeedName } from "../protocol/names.ts";
import type { AppEnv } from "./context.ts";
import { Problem } from "./problem.ts";

/** A year. Not for subdomains: they may belong to others. */
const STRICT = "max-age=31536000";

/** Tells browsers that have come over https to use nothing else. */
export const strictTransport: MiddlewareHandler = async (c, next) => {
  // A publisher that is no page has no use for it, and to add a header the response has to be built twice.
  const isPage = c.req.method !== "POST" || c.req.raw.headers.has("Origin");
  if (isPage && isPublic(new URL(c.req.url))) c.res.headers.set("Strict-Transport-Security", STRICT);
  await next();
};

/** On localhost the header would apply to every other server of the machine too. */
function isPublic({ protocol, hostname }: URL): boolean {
  return protocol === "https:" && hostname !== "localhost";
}

/** Sets `feed`, or refuses a name that is not valid or not served here. */
export const checkFeedName: MiddlewareHandler<AppEnv, "/v1/feeds/:feed/*"> = async (c, next) => {
  const feed = c.req.param("feed");
  if (!isFeedName(feed)) {
    throw new Problem("invalid_feed", "A feed's name is 1 to 64 of a-z 0-9 . _ -, the first one a letter or digit.");
  }
  if (!c.var.deployment.quotas.serves(feed)) throw new Problem("not_found", "No feed of this name is served here.");
  c.set("feed", feed);
  await next();
};
