import type { JsonObject } from "../protocol/json.ts";
import { feedAddress } from "./feed-url.ts";
import { createChangeQueue, type ChangeQueue } from "./change-queue.ts";
import { FeedClosedError } from "./errors.ts";
import { openConnection } from "./connection/connection.ts";
import type { Surroundings } from "./connection/surroundings.ts";
import { listeners } from "./events.ts";
import { normalise } from "./selection.ts";
import type { Batch, Change, Feed, FeedEvents, FeedOptions, FeedSnapshot, FeedStatus } from "./types.ts";

type Events = FeedEvents<JsonObject>;

/** One feed as its user sees it: hands on what the connection tells to listeners, iterators and waiting selections. */
export function openFeed(
  base: string | URL,
  name: string,
  options: FeedOptions,
  surroundings: Surroundings,
): Feed<JsonObject> {
  const { reportError } = surroundings.platform;
  const [onChange, tellChange] = listeners<[readonly Change<JsonObject>[], Batch]>(reportError);
  const [onStatus, tellStatus] = listeners<[FeedStatus]>(reportError);
  const [subscribe, tellAny] = listeners<[]>(reportError);
  const on: { readonly [E in keyof Events]: (listener: Events[E]) => () => void } = {
    change: onChange,
    status: onStatus,
  };
  const queues = new Set<ChangeQueue>();
  /** Those who wait for the selection that is wanted last. */
  const waiting: ((error: Error | undefined) => void)[] = [];
  /** What listeners are still to be told, in order: one of them may cause more. */
  const news: (() => void)[] = [];
  let isTelling = false;
  /** The entries as they are now, for ever: made when it is asked for, and the same until one of them changes. */
  let copy: ReadonlyMap<string, JsonObject> | undefined;
  let snapshot: FeedSnapshot<JsonObject> | undefined;

  const settle = (error?: Error): void => {
    for (const end of waiting.splice(0)) end(error);
  };

  const connection = openConnection(feedAddress(base, name), options, surroundings, {
    changed(changes, batch, conflates) {
      snapshot = undefined;
      if (changes.length > 0) copy = undefined;
      // At once, so that an iterator that begins now, with the entries there are, is not told of them again.
      for (const queue of queues) queue.push(changes, conflates);
      news.push(() => changes.length > 0 && tellChange(changes, batch));
    },
    status(status) {
      snapshot = undefined;
      news.push(() => tellStatus(status));
      if (status.state !== "closed") return;
      for (const queue of queues) queue.end(refusalOf(status));
      settle(errorOf(status));
    },
    selected: settle,
    flush() {
      if (isTelling) return;
      isTelling = true;
      while (news.length > 0) {
        for (const tell of news.splice(0)) tell();
        tellAny();
      }
      isTelling = false;
    },
  });
  const { view, counters, dispatch } = connection;
  dispatch({ type: "reconnect" });

  return {
    name,
    get state() {
      return connection.status().state;
    },
    get status() {
      return connection.status();
    },
    get position() {
      return view.position();
    },
    get size() {
      return view.entries().size;
    },
    get counters() {
      return { ...counters };
    },
    get latency() {
      return connection.latency();
    },
    get: (key) => view.entries().get(key),
    has: (key) => view.entries().has(key),
    keys: () => view.entries().keys(),
    entries: () => view.entries().entries(),
    on: <E extends keyof Events>(event: E, listener: Events[E]) => on[event](listener),
    subscribe,
    getSnapshot: () =>
      (snapshot ??= {
        status: connection.status(),
        entries: (copy ??= new Map(view.entries())),
        position: view.position(),
      }),
    select(selection) {
      const done = new Promise<void>((resolve, reject) => {
        waiting.push((error) => (error ? reject(error) : resolve()));
      });
      // Whoever does not wait for it need not catch its failure either.
      done.catch(() => {});
      dispatch({ type: "select", selection: normalise(selection) });
      const status = connection.status();
      if (status.state === "closed" && status.code === undefined) settle(errorOf(status));
      return done;
    },
    [Symbol.asyncIterator]() {
      const queue = createChangeQueue(view.entries(), (queue) => queues.delete(queue));
      queues.add(queue);
      if (connection.status().state === "closed") queue.end(refusalOf(connection.status()));
      return queue.iterator;
    },
    reconnect: () => dispatch({ type: "reconnect" }),
    close: () => dispatch({ type: "close" }),
  };
}

function errorOf({ reason, code }: FeedStatus): FeedClosedError {
  return new FeedClosedError(reason, code);
}

/** What a feed that was refused ends with. One that was closed just ends. */
function refusalOf(status: FeedStatus): FeedClosedError | undefined {
  return status.code === undefined ? undefined : errorOf(status);
}
