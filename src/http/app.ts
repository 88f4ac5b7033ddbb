import { Hono, type Handler, type MiddlewareHandler } from "hono";
import { FEED_NAME_IN_WORDS, isFeedName } from "../protocol/names.ts";
import { authorize, authorizeList } from "./authentication.ts";
import { RefusedBodies } from "./body-queue.ts";
import type { AppContext, AppEnv, RequestVariables, Site } from "./context.ts";
import type { Deployment } from "./deployment.ts";
import { asyncApiDocument, openApiDocument } from "./documents.ts";
import { streamEvents, wantsEvents } from "./event-stream.ts";
import { grantToRead, openSocket } from "./feed-upgrade.ts";
import { deleteFeed, listFeeds } from "./feeds.ts";
import { KnownFeeds } from "./known-feeds.ts";
import { metrics } from "./metrics.ts";
import { checkUpgradeOrigin, crossOrigin, isForPages, strictTransport } from "./origins.ts";
import { Plans } from "./plans.ts";
import { Problem, problemResponse } from "./problem.ts";
import { publish, publishTo } from "./publish.ts";
import { history, snapshot, stats } from "./read.ts";
import { jsonResponse } from "./responses.ts";
import { isUpgrade } from "./upgrade.ts";

type Method = "GET" | "POST" | "DELETE" | "OPTIONS";

/**
 * All routes: for each method, the checks in their order and then the handler. HEAD is answered like GET. Middleware that
 * belongs to more than one path stands in `createFeedApp`.
 */
const ROUTES: Readonly<Record<string, Partial<Record<Method, readonly Handler<AppEnv>[]>>>> = {
  "/healthz": { GET: [health] },
  "/metrics": { GET: [authorize("metrics"), metrics] },
  "/openapi.json": { GET: [crossOrigin, openApiDocument], OPTIONS: [crossOrigin] },
  "/asyncapi.json": { GET: [crossOrigin, asyncApiDocument], OPTIONS: [crossOrigin] },
  "/v1/feeds": { GET: [authorizeList, listFeeds] },
  "/v1/feeds/:feed": {
    GET: [checkUpgradeOrigin, authorize(grantToRead), readOrSubscribe],
    POST: [publish],
    DELETE: [authorize("admin"), deleteFeed],
  },
  "/v1/feeds/:feed/history": { GET: [authorize("subscribe"), history] },
  "/v1/feeds/:feed/stats": { GET: [authorize("subscribe"), stats] },
};

/**
 * A Hono app that serves feeds. It can be mounted in another one: `app.route("/", createFeedApp(deploymentOf))`.
 * `deploymentOf` is called once for each environment: its settings never change, as others come with a new deployment.
 */
export function createFeedApp<Bindings extends object>(
  deploymentOf: (env: Bindings) => Deployment,
): Hono<{ Bindings: Bindings; Variables: RequestVariables }> {
  const app = new Hono<{ Bindings: Bindings; Variables: RequestVariables }>();
  const sites = new WeakMap<Bindings, Site>();
  const siteOf = (env: Bindings): Site => {
    let site = sites.get(env);
    if (!site) {
      const deployment = deploymentOf(env);
      site = {
        deployment,
        knownFeeds: new KnownFeeds(deployment),
        plans: new Plans(deployment),
        refusedBodies: new RefusedBodies(deployment),
      };
      sites.set(env, site);
    }
    return site;
  };

  app.use(async (c, next) => {
    const { deployment, knownFeeds, plans, refusedBodies } = siteOf(c.env);
    c.set("deployment", deployment);
    c.set("knownFeeds", knownFeeds);
    c.set("plans", plans);
    c.set("refusedBodies", refusedBodies);
    await next();
  });
  app.use(strictTransport);
  app.use("/v1/*", crossOrigin);
  app.use("/v1/feeds/:feed/*", checkFeedName);
  for (const [path, methods] of Object.entries(ROUTES)) {
    for (const [method, handlers] of Object.entries(methods)) app.on(method, [path], ...handlers);
    app.all(path, refuseMethod(methods));
  }
  app.notFound(() => problemResponse("not_found", { detail: "No such path is served here." }));
  app.onError(answerError);
  const route = app.fetch;
  app.fetch = (request, env, executionCtx) => {
    const feed = feedOfProgram(request);
    if (feed === undefined || !isGiven<Bindings>(env)) return route(request, env, executionCtx);
    return answered(async () => {
      const site = siteOf(env);
      demandServed(feed, site.deployment);
      return publishTo(feed, request, site, (going) => executionCtx?.waitUntil(going));
    });
  };
  return app;
}

const PUBLISH_URL = /^https?:\/\/[^/]+\/v1\/feeds\/([^/?#%]+)$/;

/**
 * The feed that a program publishes to; undefined for any other request. Most requests are such, and their way through Hono,
 * with middleware that has nothing to do for them, takes longer than to parse and check a short update: they go straight
 * on. What is in any way unusual goes by the routes, and so does all where this app is mounted in another one.
 */
function feedOfProgram(request: Request): string | undefined {
  if (isForPages(request)) return undefined;
  const name = PUBLISH_URL.exec(request.url)?.[1];
  return name !== undefined && isFeedName(name) ? name : undefined;
}

/** Hono takes requests without an environment too. Where there is one, it is the app's. */
function isGiven<Bindings extends object>(env: Bindings | object | undefined): env is Bindings {
  return env !== undefined;
}

async function answered(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    return answerError(error);
  }
}

function answerError(error: unknown): Response {
  if (error instanceof Problem) return problemResponse(error.code, error.details);
  // Most often the feed's object is restarting. The details are for the log, not for the caller.
  console.error("tickertape: a request failed", error);
  return problemResponse("overloaded", { detail: "The feed could not be reached. Try again." });
}

function health(): Response {
  // Any page may read it: one whose origin is not allowed finds out by it that the server is there.
  return jsonResponse({ status: "ok" }, { "Cache-Control": "no-store", "Access-Control-Allow-Origin": "*" });
}

/** `GET /v1/feeds/{feed}`: a WebSocket, a stream of events or a snapshot, as the request's headers ask for. */
function readOrSubscribe(c: AppContext): Promise<Response> {
  if (isUpgrade(c.req.raw)) return openSocket(c);
  if (c.var.query.has("publish")) throw new Problem("invalid_query", "publish is for sockets: publish with POST.");
  return wantsEvents(c.req.raw) ? streamEvents(c) : snapshot(c);
}

/** Sets `feed`, or refuses a name that is not valid or not served here. */
const checkFeedName: MiddlewareHandler<AppEnv, "/v1/feeds/:feed/*"> = async (c, next) => {
  const feed = c.req.param("feed");
  if (!isFeedName(feed)) {
    throw new Problem("invalid_feed", `A feed's name is ${FEED_NAME_IN_WORDS}.`);
  }
  demandServed(feed, c.get("deployment"));
  c.set("feed", feed);
  await next();
};

function demandServed(feed: string, { quotas }: Deployment): void {
  if (!quotas.serves(feed)) throw new Problem("not_found", "No feed of this name is served here.");
}

function refuseMethod(methods: object): () => never {
  const allow = Object.keys(methods)
    .filter((method) => method !== "OPTIONS")
    .map((method) => (method === "GET" ? "GET, HEAD" : method))
    .join(", ");
  return () => {
    throw new Problem("method_not_allowed", `The methods here are ${allow}.`, { headers: { Allow: allow } });
  };
}
