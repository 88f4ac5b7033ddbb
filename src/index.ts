import type { DirectoryObject as Directory } from "./durable/directory/directory-object.ts";
import type { FeedObject as Feed } from "./durable/feed-object.ts";
import type { ReplicaObject as Replica } from "./durable/replica/replica-object.ts";
import { tickertape } from "./worker/index.ts";

// Every name is a feed, with the rules of wrangler.toml. Feeds with rules of their own: tickertape({ feeds: { ... } }).
const { app, DirectoryObject, FeedObject, ReplicaObject } = tickertape();

// The bindings have these types, so that tests here see into the objects.
type DirectoryObject = Directory;
type FeedObject = Feed;
type ReplicaObject = Replica;

export { DirectoryObject, FeedObject, ReplicaObject };
export default app;
