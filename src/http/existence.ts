import type { Caller } from "../access/access.ts";
import { NOT_LISTED, type Listed } from "../durable/directory/rpc.ts";
import { formatPosition, parsePosition, type Position } from "../protocol/position.ts";
import { addressOf } from "./client-ip.ts";
import { API_HEADERS, ASKED_FIRST, jsonAnswer } from "./answer.ts";
import { knownTags } from "./conditional.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { Problem } from "./problem.ts";

/*
 * Asking a feed's object makes it. Who only reads is answered here where there is nothing to read, so that names which
 * somebody makes up cost no object each.
 */

/** Milliseconds for which a feed that exists is taken to exist: seldom is one removed, and what then is asked is empty. */
const KEPT = 60_000;
/** Names kept at a time. */
const MANY = 10_000;
/** Seconds. Those who watch too many feeds that do not exist are counted over some minutes. */
const RETRY_AFTER = 60;

/** Where a feed stands that does not exist, as far as it was read over HTTP: the view at any `epoch:0` is empty. */
const NOWHERE: Position = { epoch: "nothingyet", seq: 0 };

/** Feeds that exist, by deployment, and until when that is taken for granted. Oldest first. */
const known = new WeakMap<object, Map<string, number>>();

/** Whether the request's feed has an object to ask. Where that cannot be told, the feed itself may know. */
export async function exists<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<boolean> {
  const feed = c.get("feed");
  if (isKnown(c.env, feed)) return true;
  try {
    const found = await options.directory(c.env).getByName("feeds").find(feed);
    if (found === "listed") keep(c.env, feed);
    return found !== "unknown";
  } catch {
    return true;
  }
}

/** Refuses whoever comes to watch one more feed that does not exist, after many others. */
export async function demandPlace<B extends object>(
  c: FeedContext<B>,
  options: FeedAppOptions<B>,
  { kind, id }: Caller,
): Promise<void> {
  const feed = c.get("feed");
  if (isKnown(c.env, feed)) return;
  const address = kind === "anonymous" ? addressOf(c.req.raw) : undefined;
  const owner = kind === "token" ? id : (address ?? "");
  let visit: string;
  try {
    visit = await options.directory(c.env).getByName("feeds").visit(feed, owner);
  } catch {
    return;
  }
  if (visit === "listed") keep(c.env, feed);
  if (visit !== "refused") return;
  throw new Problem("rate_limited", "You watch too many feeds that do not exist. Come back later.", {
    headers: { "Retry-After": String(RETRY_AFTER) },
  });
}

/** Refuses a publisher to whom no further feed is allowed, before one is made for nothing. */
export async function demandRoom<B extends object>(
  c: FeedContext<B>,
  options: FeedAppOptions<B>,
  { id }: Caller,
): Promise<void> {
  const feed = c.get("feed");
  if (isKnown(c.env, feed)) return;
  let room: Listed | "free";
  try {
    room = await options.directory(c.env).getByName("feeds").room(feed, options.quotas(c.env).feeds, id);
  } catch {
    return;
  }
  if (room === "listed") keep(c.env, feed);
  else if (room !== "free") throw new Problem("feed_full", NOT_LISTED[room]);
}

/** `GET` of a feed that does not exist. `waits`: where nothing has changed, nothing is said. */
export function snapshotOfNothing(
  feed: string,
  request: Request,
  since: Position | undefined,
  waits: boolean,
): Response {
  const tags = knownTags(request);
  const same = since ?? tags.map(parsePosition).find((position) => position?.seq === 0);
  const isStill = same?.seq === 0;
  const headers = {
    ETag: `"${formatPosition(isStill ? same : NOWHERE)}"`,
    "Cache-Control": ASKED_FIRST,
    Vary: "Accept",
  };
  const nothing = (status: number): Response => new Response(null, { status, headers: { ...API_HEADERS, ...headers } });
  if (since) {
    if (isStill && waits) return nothing(204);
    const update = { type: "update", from: 0, seq: 0, time: 0, updates: [] };
    const snapshot = { type: "snapshot", ...NOWHERE, time: 0, reason: "epoch_changed", entries: {} };
    return jsonAnswer(isStill ? update : snapshot, headers);
  }
  if (isStill || tags.includes("*")) return nothing(304);
  return jsonAnswer({ feed, ...NOWHERE, time: 0, entries: {} }, headers);
}

export function historyOfNothing(feed: string, key: string): Response {
  const body = { feed, epoch: NOWHERE.epoch, key, updates: [], more: false };
  return jsonAnswer(body, { "Cache-Control": ASKED_FIRST });
}

export function statsOfNothing(feed: string): Response {
  const none = { keys: 0, subscribers: 0, lagging: 0, time: 0, storage: 0, started: 0 };
  return jsonAnswer({ feed, ...NOWHERE, ...none }, { "Cache-Control": ASKED_FIRST });
}

function isKnown(env: object, feed: string): boolean {
  return (known.get(env)?.get(feed) ?? 0) > Date.now();
}

function keep(env: object, feed: string): void {
  const names = known.get(env) ?? new Map<string, number>();
  known.set(env, names);
  names.delete(feed);
  for (const oldest of names.keys()) {
    if (names.size < MANY) break;
    names.delete(oldest);
  }
  names.set(feed, Date.now() + KEPT);
}
