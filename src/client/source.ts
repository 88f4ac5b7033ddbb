import type { JsonObject } from "../protocol/json.ts";
import type { Receipt } from "../protocol/published.ts";
import type { ConnectionEvent } from "./connection/state.ts";
import type { Batch, Change, FeedStatus } from "./types.ts";

/** What the user of a feed asks of it. */
export type UserEvent = Extract<ConnectionEvent, { type: "select" | "reconnect" | "close" }>;

/** Where a feed has its entries from: a connection of its own, or its part of one that several share. */
export interface Source {
  /** Not always the same map: one that has other entries may take its place. */
  readonly entries: ReadonlyMap<string, JsonObject>;
  readonly position: string | undefined;
  /** By the server's clock; 0 if never. */
  readonly changedAt: number | undefined;
  /** Whether anything was ever published. */
  readonly exists: boolean | undefined;
  readonly status: FeedStatus;
  /** Milliseconds from the last `ping` to its `pong`. */
  readonly latency: number | undefined;
  /** How many connections were made. */
  readonly connections: number;
  dispatch(event: UserEvent): void;
  /** `updates`: JSON of an array. */
  publish(updates: string): Promise<Receipt>;
}

/** What a source tells its feed. The source is up to date before any of it is called. */
export interface SourceListener {
  /** `conflates`: only the latest change of each key matters. */
  changed(changes: readonly Change<JsonObject>[], batch: Batch, conflates: boolean): void;
  status(status: FeedStatus): void;
  /** The wanted selection is there, or the server refuses it. */
  readonly selected: (error?: Error) => void;
  /** The last call for each event: now the user's listeners may be called. */
  done(): void;
}

/** Begins to tell `listener` what happens, not before it has returned. */
export type OpenSource = (listener: SourceListener) => Source;
