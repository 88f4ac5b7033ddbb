import { createFeedApp } from "./http/app.ts";
import { deploymentOf } from "./http/deployment.ts";

export { DirectoryObject } from "./durable/directory/directory-object.ts";
export { FeedObject } from "./durable/feed-object.ts";
export { ReplicaObject } from "./durable/replica/replica-object.ts";

export default createFeedApp(deploymentOf) satisfies ExportedHandler<TickertapeEnv>;
