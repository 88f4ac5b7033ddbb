import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../src/http/deployment.ts";

type Settings = Omit<FeedAppBindings, "FEEDS" | "DIRECTORY">;

/** Sends requests to an app that is deployed with other settings than the Worker of the tests, over the same objects. */
export function appWith(settings: Settings): (path: string, init?: RequestInit) => Promise<Response> {
  const app = createFeedApp(deploymentOf);
  const bindings: FeedAppBindings = { FEEDS: env.FEEDS, DIRECTORY: env.DIRECTORY, ...settings };
  return async (path, init = {}) => app.request(`https://feeds.test${path}`, init, bindings, createExecutionContext());
}
