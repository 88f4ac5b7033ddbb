import type { JsonObject } from "../protocol/json.ts";
import type { Change } from "./types.ts";

/** How many changes may wait for one consumer of every change. */
const MAX_WAITING = 100_000;

type Next = IteratorResult<Change<JsonObject>, undefined>;

/** The changes that wait for one consumer: every change in order, or the latest of each key. */
export interface ChangeQueue {
  push(changes: readonly Change<JsonObject>[], conflates: boolean): void;
  /** The consumer still gets what waits, then the end. */
  end(error?: Error): void;
  readonly iterator: AsyncIterableIterator<Change<JsonObject>>;
}

/** Begins with all present entries. `leave` is called when the queue takes no more changes. */
export function createChangeQueue(
  entries: ReadonlyMap<string, JsonObject>,
  leave: (queue: ChangeQueue) => void,
): ChangeQueue {
  /** In order. A change that may be merged with the next one of its key has the same id (see `add`). */
  const waiting = new Map<string, Change<JsonObject>>();
  /** Kept: a new iterator of a map first skips all that was deleted. */
  let rest = waiting.entries();
  const limit = entries.size + MAX_WAITING;
  let count = 0;
  let isEnded = false;
  let failure: Error | undefined;
  const waiters: (() => void)[] = [];

  const add = (change: Change<JsonObject>): void => {
    const { key, value } = change;
    const id = `${count} ${key}`;
    const earlier = waiting.get(id);
    // The entry came and went: no change is left.
    if (earlier && !earlier.previous && !value) waiting.delete(id);
    else waiting.set(id, earlier ? { ...change, previous: earlier.previous } : change);
  };

  const wake = (): void => {
    for (const resume of waiters.splice(0)) resume();
  };

  const queue: ChangeQueue = {
    push(changes, conflates) {
      for (const change of changes) {
        // In `mode: "all"` a change is merged neither with those before nor with those after it.
        if (!conflates) count++;
        add(change);
      }
      if (!conflates) count++;
      if (waiting.size > limit) {
        waiting.clear();
        queue.end(new Error(`more than ${MAX_WAITING} changes wait`));
      }
      wake();
    },
    end(error) {
      isEnded = true;
      failure = error;
      leave(queue);
      wake();
    },
    iterator: {
      async next(): Promise<Next> {
        for (;;) {
          // An iterator that has finished does not see what is added later.
          const next = rest.next().value ?? (rest = waiting.entries()).next().value;
          if (next) {
            const [id, value] = next;
            waiting.delete(id);
            return { value, done: false };
          }
          if (isEnded) {
            if (!failure) return { value: undefined, done: true };
            const error = failure;
            // Thrown once; the next call is at the end.
            failure = undefined;
            throw error;
          }
          await new Promise<void>((resolve) => waiters.push(resolve));
        }
      },
      return() {
        waiting.clear();
        queue.end();
        return this.next();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };

  for (const [key, value] of entries) add({ key, value, previous: undefined });
  return queue;
}
