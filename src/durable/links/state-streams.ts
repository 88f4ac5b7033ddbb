import type { Feed } from "../../feed/state/feed.ts";
import { SharedStates, SHARING } from "../../replication/shared-states.ts";
import { encodeState } from "../../replication/state-lines.ts";

/** Sends whole states to replicas, as each of them takes it. */
export class StateStreams {
  readonly #commit: () => void;
  readonly #steady: () => number;
  readonly #join: number;
  readonly #states: SharedStates;
  #tending: ReturnType<typeof setTimeout> | undefined;

  /** `commit` commits what the feed shows. `steady`: milliseconds that never go backwards. `join`: see `LinkTimes`. */
  constructor(commit: () => void, steady: () => number, join: number) {
    this.#commit = commit;
    this.#steady = steady;
    this.#join = join;
    this.#states = new SharedStates({ ...SHARING, join });
  }

  /** The state of a feed as `encodeState` writes it, in UTF-8. Throws if too much is read already. */
  open(feed: Feed): ReadableStream<Uint8Array> {
    const reader = this.#states.read(feed.epoch, () => encodeState(feed, this.#commit), this.#steady());
    this.#tend();
    return new ReadableStream(
      {
        type: "bytes",
        pull: (controller) => {
          const part = reader.next(this.#steady());
          // A copy: what a stream is given is its own, and others are sent the same.
          if (part) controller.enqueue(part.slice());
          else controller.close();
        },
        cancel: () => reader.end(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Stops all: the feed is not served any more. */
  end(): void {
    this.#states.end();
  }

  /** Lets go of what nobody takes, as long as there is any. */
  #tend(): void {
    if (this.#tending !== undefined || !this.#states.tend(this.#steady())) return;
    this.#tending = setTimeout(() => {
      this.#tending = undefined;
      this.#tend();
    }, this.#join);
  }
}
