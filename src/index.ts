import { createFeedApp } from "./http/app.ts";
import { DEFAULT_OPTIONS } from "./http/options.ts";

export { DirectoryObject } from "./durable/directory/directory-object.ts";
export { FeedObject } from "./durable/feed-object.ts";

export default createFeedApp(DEFAULT_OPTIONS) satisfies ExportedHandler<TickertapeEnv>;
