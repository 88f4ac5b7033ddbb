import type { Batch, Change, FeedStatus, Selection } from "../types.ts";
import type { Conditions } from "../runtime.ts";
import type { JsonObject } from "../../protocol/json.ts";

/** What a connection is at. */
export type Phase =
  /** Between two attempts, and before the first. */
  | (Memory & { readonly name: "waiting" })
  /** The owner's `token` function was asked, and has not answered. */
  | (Memory & { readonly name: "asking" })
  | Opening
  /** The first frame is here, but not all that the server had when the connection began. */
  | CatchingUp
  | Live
  /** The server does not want us back as we are. */
  | (Memory & { readonly name: "refused" })
  | (Memory & { readonly name: "closed" });

export type PhaseOf<Name extends Phase["name"]> = Extract<Phase, { name: Name }>;

export interface Opening extends Memory {
  readonly name: "opening";
  /** What the address of this connection selects. */
  readonly selection: Selection;
}

export interface CatchingUp extends Memory {
  readonly name: "catchingUp";
  readonly selection: Selection;
}

export interface Live extends Memory {
  readonly name: "live";
  /** What the view stands at. */
  readonly reached: Selection;
  /** What the `subscribe` that is out selects. */
  readonly asked?: Selection | undefined;
  readonly heardAt: number;
  /** A ping is out, and nothing was heard since. */
  readonly pinged: boolean;
}

/** What every phase hands to the next. All times are milliseconds since 1970, infinite for never. */
export interface Memory {
  readonly status: FeedStatus;
  /** What the status is to say. */
  readonly reason: string;
  readonly code?: number | undefined;
  /** When the phase goes on by itself. */
  readonly due: number;
  /** Losses in a row, without a connection between them that lasted. */
  readonly failures: number;
  /** Of them, those where what came was wrong. */
  readonly faults: number;
  /** Attempts in a row without a frame; one that hangs counts for as many as are made with one transport. */
  readonly unopened: number;
  /** Which transport is tried, counted on: one that works is stayed with. */
  readonly way: number;
  /** A credential was refused, and another one is being tried. */
  readonly rejected: boolean;
  /** When an attempt last began, or got on. */
  readonly triedAt: number;
  /** When what is shown becomes stale. */
  readonly staleAt: number;
  readonly token: string | undefined;
  /** When a live connection asks for another token. */
  readonly renewAt: number;
  readonly wanted: Selection;
  /** What the view stands at; nothing before it has anything to show. */
  readonly reached?: Selection | undefined;
}

/** One event for each name, so that the compiler can tell them apart. */
type Plain<Names extends string> = Names extends string ? { readonly type: Names } : never;

/** What one message of the server has done to the view. */
interface Applied {
  readonly type: "applied";
  readonly changes: readonly Change<JsonObject>[];
  readonly batch: Batch;
  /** The view stands where the server stood when the connection began, or past that. */
  readonly current: boolean;
}

/** What comes of one message of the server. */
export type MessageEvent =
  | Applied
  /** It can't be. The view is as it was, and the connection has to be made again. */
  | { readonly type: "fault"; readonly why: string }
  | { readonly type: "authorized"; readonly expires: number | undefined }
  /** An `error` that answers the last `subscribe`. */
  | { readonly type: "complaint"; readonly why: string };

/** Why there is no connection: a close code or HTTP status, and what the server says. `retryAfter`: milliseconds. */
interface Refusal {
  readonly code: number;
  readonly reason: string | undefined;
  readonly retryAfter?: number | undefined;
}

/** Everything that can happen to a connection. */
export type Event =
  /** A time has come. */
  | Plain<"due">
  /** Signs of the platform; `woke`: the clock has jumped, the machine slept. */
  | Plain<"online" | "offline" | "visible" | "woke">
  /** Wishes of the user. */
  | Plain<"reconnect" | "close">
  | { readonly type: "select"; readonly selection: Selection }
  /** The owner's token has come. */
  | { readonly type: "token"; readonly token: string | undefined }
  | { readonly type: "tokenFailed"; readonly why: string }
  /** A frame has come. What it says follows. */
  | Plain<"heard">
  | MessageEvent
  | ({ readonly type: "lost" } & Refusal)
  /** Asked over HTTP why an attempt did not open, the server said so. */
  | ({ readonly type: "refusal" } & Refusal);

export type EventName = Event["type"];
export type EventOf<Name extends EventName> = Extract<Event, { type: Name }>;

/**
 * What is to be done, in order; the phase has what for. Timers and the end of a link are none of it: they follow from the
 * phase, so that none can be forgotten.
 */
export type Command =
  /** `probe`: ask over HTTP why the attempt did not open. */
  | "askToken"
  | "open"
  | "ping"
  | "probe"
  | "subscribe"
  | "authorize"
  /** What is wanted is there. */
  | "selected"
  /** The server does not want to select it, and says why. */
  | { readonly refused: string };

export interface Context extends Conditions {
  readonly now: number;
  readonly asks: boolean;
  /** Milliseconds. */
  readonly staleAfter: number;
}

/** The next phase, and what is to be done. */
export type Step = readonly [phase: Phase, ...commands: Command[]];
