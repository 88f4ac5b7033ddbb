import { FeedClosedError } from "./errors.ts";
import { createChangeQueue, type ChangeQueue } from "./change-queue.ts";
import { openConnection, type Environment } from "./connection/connection.ts";
import { createListeners } from "./events.ts";
import { feedUrl } from "./feed-url.ts";
import { normaliseSelection } from "./selection.ts";
import { encodeUpdate } from "../protocol/encode-published.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Runtime } from "./runtime.ts";
import type { OpenSource } from "./source.ts";
import type { Feed, FeedOptions, FeedSnapshot, FeedStatus } from "./types.ts";

/** A feed with a connection of its own, which begins at once. */
export function connectFeed(
  base: string | URL,
  name: string,
  options: FeedOptions<string>,
  environment: Environment,
): Feed<JsonObject> {
  const url = feedUrl(base, name);
  return createFeed(name, environment.runtime, (listener) => openConnection(url, options, environment, listener));
}

/** One feed as its user sees it: passes on what its source tells to listeners, iterators and `select` calls. */
export function createFeed(name: string, { reportError }: Runtime, open: OpenSource): Feed<JsonObject> {
  const { on, emit, callAll } = createListeners(reportError);
  const queues = new Set<ChangeQueue>();
  /** Calls of `select`, which all wait for the selection that is wanted last. */
  const selects: ((error: Error | undefined) => void)[] = [];
  const counters = { messages: 0, updates: 0, skipped: 0 };
  /** The entries as they are now, never changed: made when it is asked for, and kept until one of them changes. */
  let copy: ReadonlyMap<string, JsonObject> | undefined;
  let snapshot: FeedSnapshot<JsonObject> | undefined;

  const endSelects = (error?: Error): void => {
    for (const end of selects.splice(0)) end(error);
  };

  const source = open({
    changed(changes, batch, conflates) {
      snapshot = undefined;
      const { length } = changes;
      if (length > 0) {
        copy = undefined;
        counters.messages++;
      }
      if (batch.cause === "update") counters.updates += length;
      counters.skipped += batch.skipped;
      // At once: an iterator that begins after this has the entries as they are now, and gets these changes not again.
      for (const queue of queues) queue.push(changes, conflates);
      emit(length > 0 ? "change" : undefined, changes, batch);
    },
    status(status) {
      snapshot = undefined;
      emit("status", status);
      if (status.state !== "closed") return;
      for (const queue of queues) queue.end(refusalOf(status));
      endSelects(errorOf(status));
    },
    selected: endSelects,
    done: callAll,
  });

  const feed: Feed<JsonObject> = {
    name,
    get state() {
      return source.status.state;
    },
    get status() {
      return source.status;
    },
    get position() {
      return source.position;
    },
    get changedAt() {
      return source.changedAt;
    },
    get exists() {
      return source.exists;
    },
    get size() {
      return source.entries.size;
    },
    get counters() {
      return { ...counters, connections: source.connections };
    },
    get latency() {
      return source.latency;
    },
    get: (key) => source.entries.get(key),
    has: (key) => source.entries.has(key),
    keys: () => source.entries.keys(),
    entries: () => source.entries.entries(),
    on,
    subscribe(run) {
      const call = (): void => run(feed.getSnapshot());
      const end = on("any", call);
      call();
      return end;
    },
    getSnapshot: () =>
      (snapshot ??= {
        status: source.status,
        entries: (copy ??= new Map(source.entries)),
        position: source.position,
        changedAt: source.changedAt,
        exists: source.exists,
      }),
    select(selection) {
      const done = new Promise<never>((resolve, reject) => {
        // The same feed: which fields its entries have, only the types tell.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        selects.push((error) => (error ? reject(error) : resolve(feed as never)));
      });
      // A user who does not wait for it need not catch its failure either.
      done.catch(() => {});
      source.dispatch({ type: "select", selection: normaliseSelection(selection) });
      const { status } = source;
      if (status.state === "closed" && status.code === undefined) endSelects(errorOf(status));
      return done;
    },
    [Symbol.asyncIterator]() {
      const queue = createChangeQueue(source.entries, (queue) => queues.delete(queue));
      queues.add(queue);
      if (source.status.state === "closed") queue.end(refusalOf(source.status));
      return queue.iterator;
    },
    // It is read at once: the caller may go on to change its objects.
    publish: async (updates) => source.publish(`[${[updates].flat().map(encodeUpdate).join(",")}]`),
    reconnect: () => source.dispatch({ type: "reconnect" }),
    close: () => source.dispatch({ type: "close" }),
  };
  return feed;
}

function errorOf({ reason, code }: FeedStatus): FeedClosedError {
  return new FeedClosedError(reason, code);
}

/** The error that a refused feed ends with. One that the user closed just ends. */
function refusalOf(status: FeedStatus): FeedClosedError | undefined {
  return status.code === undefined ? undefined : errorOf(status);
}
