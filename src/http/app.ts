import { Hono } from "hono";
import { isFeedName } from "../protocol/names.ts";
import { describeWire } from "./documents.ts";
import { list, remove } from "./admin.ts";
import { jsonAnswer } from "./answer.ts";
import { metrics } from "./metrics.ts";
import { streamEvents, wantsEvents } from "./event-stream.ts";
import type { FeedAppOptions, FeedVariables } from "./options.ts";
import { crossOrigin } from "./origins.ts";
import { Problem, problemResponse } from "./problem.ts";
import { publish } from "./publish.ts";
import { history, snapshot, stats } from "./read.ts";
import { isUpgrade, subscribe } from "./subscribe.ts";
import { strictTransport } from "./transport.ts";

/** A Hono app that serves feeds. It can be mounted in another one: `app.route("/", createFeedApp(options))`. */
export function createFeedApp<Bindings extends object>(
  options: FeedAppOptions<Bindings>,
): Hono<{ Bindings: Bindings; Variables: FeedVariables }> {
  const app = new Hono<{ Bindings: Bindings; Variables: FeedVariables }>();

  app.use(strictTransport);
  app.use(
    "/v1/*",
    crossOrigin<{ Bindings: Bindings; Variables: FeedVariables }>((env) => options.allowedOrigins(env)),
  );
  app.use("/v1/feeds/:feed/*", async (c, next) => {
    const feed = c.req.param("feed");
    if (!isFeedName(feed)) {
      throw new Problem("invalid_feed", "A feed's name is 1 to 64 of a-z 0-9 . _ -, the first one a letter or digit.");
    }
    if (!options.quotas(c.env).serves(feed)) throw new Problem("not_found", "No feed of this name is served here.");
    c.set("feed", feed);
    await next();
  });

  app.get("/healthz", () => jsonAnswer({ status: "ok" }, { "Cache-Control": "no-store" }));
  app.all("/healthz", notAllowed("GET, HEAD"));

  app.get("/metrics", (c) => metrics(c, options));
  app.all("/metrics", notAllowed("GET, HEAD"));

  app.on(
    ["GET", "OPTIONS"],
    ["/openapi.json"],
    ...describeWire<Bindings>("openApi", (env) => options.allowedOrigins(env)),
  );
  app.all("/openapi.json", notAllowed("GET, HEAD"));
  app.on(
    ["GET", "OPTIONS"],
    ["/asyncapi.json"],
    ...describeWire<Bindings>("asyncApi", (env) => options.allowedOrigins(env)),
  );
  app.all("/asyncapi.json", notAllowed("GET, HEAD"));

  app.get("/v1/feeds", (c) => list(c, options));
  app.all("/v1/feeds", notAllowed("GET, HEAD"));

  app.get("/v1/feeds/:feed", (c) => {
    if (isUpgrade(c.req.raw)) return subscribe(c, options);
    return wantsEvents(c.req.raw) ? streamEvents(c, options) : snapshot(c, options);
  });
  app.post("/v1/feeds/:feed", (c) => publish(c, options));
  app.delete("/v1/feeds/:feed", (c) => remove(c, options));
  app.all("/v1/feeds/:feed", notAllowed("GET, HEAD, POST, DELETE"));

  app.get("/v1/feeds/:feed/history", (c) => history(c, options));
  app.all("/v1/feeds/:feed/history", notAllowed("GET, HEAD"));
  app.get("/v1/feeds/:feed/stats", (c) => stats(c, options));
  app.all("/v1/feeds/:feed/stats", notAllowed("GET, HEAD"));

  app.notFound(() => problemResponse("not_found", { detail: "No such path is served here." }));
  app.onError((error) => {
    if (error instanceof Problem) return problemResponse(error.code, error.details);
    // Most often a feed's object that is restarting. What went wrong is for the log, not for the caller.
    console.error("tickertape: a request failed", error);
    return problemResponse("overloaded", { detail: "The feed could not be reached. Try again." });
  });
  return app;
}

function notAllowed(allow: string): () => never {
  return () => {
    throw new Problem("method_not_allowed", `The methods here are ${allow}.`, { headers: { Allow: allow } });
  };
}
