import type { JsonObject } from "../../protocol/json.ts";
import type { Platform } from "../runtime.ts";
import type { Transport } from "../transport.ts";
import type { Batch, Change, FeedCounters, FeedStatus } from "../types.ts";
import type { View } from "../view.ts";
import type { Event } from "./state.ts";

/** What a connection tells. Everything is in place before any of it is called. */
export interface Owner {
  /** `conflates`: of each key only the latest matters. */
  changed(changes: readonly Change<JsonObject>[], batch: Batch, conflates: boolean): void;
  status(status: FeedStatus): void;
  /** What is selected is there, or can't be. */
  readonly selected: (error?: Error) => void;
  /** The last call of a turn: now listeners may be called. */
  flush(): void;
}

/** What it runs on. */
export interface Surroundings {
  readonly platform: Platform;
  /** The first is preferred. */
  readonly transports: readonly [Transport, ...Transport[]];
}

export interface Connection {
  readonly view: View;
  readonly status: () => FeedStatus;
  readonly counters: FeedCounters;
  /** Of the last ping, in milliseconds. */
  readonly latency: () => number | undefined;
  readonly dispatch: (event: Event) => void;
}
