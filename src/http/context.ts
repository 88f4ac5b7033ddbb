import type { Context } from "hono";
import type { Caller } from "../access/access.ts";
import type { RefusedBodies } from "./body-queue.ts";
import type { Deployment } from "./deployment.ts";
import type { KnownFeeds } from "./known-feeds.ts";
import type { Plans } from "./plans.ts";

/** A deployment, and what an isolate of the Worker knows of it. */
export interface Site {
  readonly deployment: Deployment;
  readonly knownFeeds: KnownFeeds;
  readonly plans: Plans;
  readonly refusedBodies: RefusedBodies;
}

/** What middleware sets for the handlers of a request. */
export interface RequestVariables extends Site {
  /** The feed's name, once it is checked; unset if the path names no feed. */
  readonly feed: string;
  /** Set once the caller is authenticated. */
  readonly caller: Caller;
  /** The query of a request that reads, which may hold the credential. Set with the caller. */
  readonly query: URLSearchParams;
}

/** The environment of all handlers, in Hono's sense. They know the bindings only as a `Deployment`. */
export interface AppEnv {
  Variables: RequestVariables;
}

export type AppContext = Context<AppEnv>;
