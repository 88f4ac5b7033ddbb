export { feed, type FeedDeclaration, type FeedOptions } from "../declared/feed.ts";
export type { StandardSchema } from "../declared/standard-schema.ts";
export { RefusedError } from "./refused-error.ts";
export { tickertape } from "./tickertape.ts";
export type * from "./types.ts";
