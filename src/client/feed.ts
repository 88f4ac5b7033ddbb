import { FeedClosedError } from "./errors.ts";
import { createConnection, type Environment } from "./connection/connection.ts";
import { feedUrl } from "./feed-url.ts";
import { createChangeQueue, type ChangeQueue } from "./change-queue.ts";
import { createListeners } from "./events.ts";
import { normaliseSelection } from "./selection.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Feed, FeedOptions, FeedSnapshot, FeedStatus } from "./types.ts";

/** One feed as its user sees it: passes on what the connection tells to listeners, iterators and `select` calls. */
export function connectFeed(
  base: string | URL,
  name: string,
  options: FeedOptions<string>,
  environment: Environment,
): Feed<JsonObject> {
  const { on, emit, callAll } = createListeners(environment.runtime.reportError);
  const queues = new Set<ChangeQueue>();
  /** Calls of `select`, which all wait for the selection that is wanted last. */
  const selects: ((error: Error | undefined) => void)[] = [];
  /** The entries as they are now, never changed: made when it is asked for, and kept until one of them changes. */
  let copy: ReadonlyMap<string, JsonObject> | undefined;
  let snapshot: FeedSnapshot<JsonObject> | undefined;

  const endSelects = (error?: Error): void => {
    for (const end of selects.splice(0)) end(error);
  };

  const { view, counters, status, latency, dispatch } = createConnection(feedUrl(base, name), options, environment, {
    changed(changes, batch, conflates) {
      snapshot = undefined;
      if (changes.length > 0) copy = undefined;
      // At once: an iterator that begins after this has the entries as they are now, and gets these changes not again.
      for (const queue of queues) queue.push(changes, conflates);
      emit(changes.length > 0 ? "change" : undefined, changes, batch);
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
  dispatch({ type: "reconnect" });

  const feed: Feed<JsonObject> = {
    name,
    get state() {
      return status().state;
    },
    get status() {
      return status();
    },
    get position() {
      return view.position();
    },
    get size() {
      return view.entries.size;
    },
    get counters() {
      return { ...counters };
    },
    get latency() {
      return latency();
    },
    get: (key) => view.entries.get(key),
    has: (key) => view.entries.has(key),
    keys: () => view.entries.keys(),
    entries: () => view.entries.entries(),
    on,
    subscribe: (listener) => on("any", listener),
    getSnapshot: () =>
      (snapshot ??= {
        status: status(),
        entries: (copy ??= new Map(view.entries)),
        position: view.position(),
      }),
    select(selection) {
      const done = new Promise<never>((resolve, reject) => {
        // The same feed: which fields its entries have, only the types tell.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        selects.push((error) => (error ? reject(error) : resolve(feed as never)));
      });
      // A user who does not wait for it need not catch its failure either.
      done.catch(() => {});
      dispatch({ type: "select", selection: normaliseSelection(selection) });
      if (status().state === "closed" && status().code === undefined) endSelects(errorOf(status()));
      return done;
    },
    [Symbol.asyncIterator]() {
      const queue = createChangeQueue(view.entries, (queue) => queues.delete(queue));
      queues.add(queue);
      if (status().state === "closed") queue.end(refusalOf(status()));
      return queue.iterator;
    },
    reconnect: () => dispatch({ type: "reconnect" }),
    close: () => dispatch({ type: "close" }),
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
