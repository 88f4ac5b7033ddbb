import type { JsonObject } from "../protocol/json.ts";
import type { Change } from "./types.ts";

/** Changes that may wait for a consumer of every change. */
const MAX_WAITING = 100_000;

type Next = IteratorResult<Change<JsonObject>, undefined>;

/** What waits for one consumer: every change in order, or the latest of each key. */
export interface ChangeQueue {
  push(changes: readonly Change<JsonObject>[], conflates: boolean): void;
  /** What waits still comes, then the end. */
  end(error?: Error): void;
  readonly iterator: AsyncIterableIterator<Change<JsonObject>>;
}

/** Begins with all entries there are. `leave` is called when nothing more need be pushed. */
export function createChangeQueue(
  entries: ReadonlyMap<string, JsonObject>,
  leave: (queue: ChangeQueue) => void,
): ChangeQueue {
  /** In order. What may be merged with the next change of its key stands where that is found. */
  const waiting = new Map<string, Change<JsonObject>>();
  /** Kept, as finding the first of a map anew takes as long as there were deletions. */
  let rest = waiting.entries();
  const limit = entries.size + MAX_WAITING;
  let count = 0;
  let ended: { error?: Error | undefined } | undefined;
  const wakers: (() => void)[] = [];

  const add = (change: Change<JsonObject>): void => {
    const { key, value } = change;
    const place = `${count} ${key}`;
    const earlier = waiting.get(place);
    // It came and went: there is nothing to tell.
    if (earlier && !earlier.previous && !value) waiting.delete(place);
    else waiting.set(place, earlier ? { key, value, previous: earlier.previous } : change);
  };

  const wake = (): void => {
    for (const waker of wakers.splice(0)) waker();
  };

  const queue: ChangeQueue = {
    push(changes, conflates) {
      for (const change of changes) {
        // One that counts by itself is merged neither with what came before nor with what comes after.
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
      ended ??= { error };
      leave(queue);
      wake();
    },
    iterator: {
      async next(): Promise<Next> {
        for (;;) {
          // A finished iterator does not see what is added after.
          const next = rest.next().value ?? (rest = waiting.entries()).next().value;
          if (next) {
            const [place, value] = next;
            waiting.delete(place);
            return { value, done: false };
          }
          if (ended) {
            const { error } = ended;
            // Told once; whoever asks again is at the end.
            ended = {};
            if (error) throw error;
            return { value: undefined, done: true };
          }
          await new Promise<void>((resolve) => wakers.push(resolve));
        }
      },
      async return(): Promise<Next> {
        waiting.clear();
        queue.end();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };

  for (const [key, value] of entries) add({ key, value, previous: undefined });
  return queue;
}
