import type { JsonObject } from "../../protocol/json.ts";
import type { Conditions } from "../runtime.ts";
import type { AnySelection } from "../selection.ts";
import type { Batch, Change, FeedStatus } from "../types.ts";

/** The phase that a connection is in. */
export type Phase =
  /** Between two attempts, and before the first. */
  | (PhaseData & { readonly name: "waiting" })
  /** The user's `token` function was called and has not answered. */
  | (PhaseData & { readonly name: "asking" })
  | Opening
  /** The first frame is here, but not all that the server had when the connection began. */
  | CatchingUp
  | Live
  /** The server does not want us back as we are. */
  | (PhaseData & { readonly name: "refused" })
  | (PhaseData & { readonly name: "closed" });

export type PhaseName = Phase["name"];
export type PhaseOf<Name extends PhaseName> = Extract<Phase, { name: Name }>;

export interface Opening extends PhaseData {
  readonly name: "opening";
  /** The selection in the URL of this attempt. */
  readonly selection: AnySelection;
}

export interface CatchingUp extends PhaseData {
  readonly name: "catchingUp";
  readonly selection: AnySelection;
}

export interface Live extends PhaseData {
  readonly name: "live";
  readonly reached: AnySelection;
  /** The selection of a `subscribe` that was sent and is not answered yet. */
  readonly sent?: AnySelection | undefined;
  readonly heardAt: number;
  /** A ping is out, and nothing was heard since. */
  readonly pinged: boolean;
}

/** What every phase hands on to the next. All times are milliseconds since 1970, `Infinity` for never. */
export interface PhaseData {
  readonly status: FeedStatus;
  /** The reason that the status will show. */
  readonly reason: string;
  readonly code?: number | undefined;
  /** What a probe has found, which the next attempts that fail may not tell. */
  readonly found?: { readonly reason: string; readonly code: number } | undefined;
  /** When the phase goes on by itself. */
  readonly due: number;
  /** Failures in a row, without a connection between them that lasted. */
  readonly failures: number;
  /** How many of them were protocol errors. */
  readonly faults: number;
  /** Attempts in a row without a frame. One without any answer counts as many as are made with one transport. */
  readonly unopened: number;
  /** Which transport is tried: it counts on, modulo their number. One that works is kept. */
  readonly transport: number;
  /** A credential was refused, and another one is being tried. */
  readonly rejected: boolean;
  /** When an attempt last began or made progress. */
  readonly triedAt: number;
  /** When the entries that are shown become stale. */
  readonly staleAt: number;
  readonly token: string | undefined;
  /** When a live connection asks for another token. */
  readonly renewAt: number;
  readonly wanted: AnySelection;
  /** The selection that the view's entries are of; undefined before the first entries. */
  readonly reached?: AnySelection | undefined;
}

/** One event type for each name, so that the compiler can tell them apart. */
type Plain<Names extends string> = Names extends string ? { readonly type: Names } : never;

/** One message of the server was applied to the view. */
interface Applied {
  readonly type: "applied";
  readonly changes: readonly Change<JsonObject>[];
  readonly batch: Batch;
  /** The view is where the server was when the connection began, or past that. */
  readonly current: boolean;
}

/** The server's first message. It changes nothing yet. */
export interface Greeting {
  readonly type: "hello";
  readonly time: number | undefined;
  readonly silentAfter: unknown;
}

/** What the view makes of one message of the server. */
export type ViewEvent =
  | Applied
  /** The message cannot follow on what came before, or is malformed. The view is unchanged; the client has to reconnect. */
  | { readonly type: "protocolError"; readonly why: string }
  | { readonly type: "authorized"; readonly expires: number | undefined }
  /** An `error` that answers the last `subscribe`. */
  | { readonly type: "selectRefused"; readonly why: string };

/** Why there is no connection: a close code or HTTP status, and the server's reason. `retryAfter`: milliseconds. */
interface Refusal {
  readonly code: number;
  readonly reason: string | undefined;
  readonly retryAfter?: number | undefined;
}

/** Everything that can happen to a connection. */
export type ConnectionEvent =
  /** The timer has fired. */
  | Plain<"due">
  /** From the runtime. `woke`: the clock has jumped, the machine slept. */
  | Plain<"online" | "offline" | "visible" | "woke">
  /** From the user. */
  | Plain<"reconnect" | "close">
  | { readonly type: "select"; readonly selection: AnySelection }
  /** The user's `token` function has answered. */
  | { readonly type: "token"; readonly token: string | undefined }
  | { readonly type: "tokenFailed"; readonly why: string }
  /** A frame has come. What it says follows as a `ViewEvent`. */
  | Plain<"heard">
  | ViewEvent
  | ({ readonly type: "lost" } & Refusal)
  /** What was found when the server was asked over HTTP why an attempt did not open. `isGuess`: it may be otherwise next time. */
  | ({ readonly type: "probeAnswer"; readonly isGuess?: boolean } & Refusal);

export type EventName = ConnectionEvent["type"];
export type EventOf<Name extends EventName> = Extract<ConnectionEvent, { type: Name }>;

/**
 * What the connection has to do, in order; the data for it is in the phase. Timers and the end of a link are no commands:
 * they follow from the phase, so none can be forgotten.
 */
export type Command =
  /** `probe`: ask over HTTP why the attempt did not open. */
  | "askToken"
  | "open"
  | "ping"
  | "probe"
  | "subscribe"
  | "authorize"
  /** The wanted selection is there. */
  | "selected"
  /** The server refuses the selection, for this reason. */
  | { readonly refused: string };

export interface Context extends Conditions {
  readonly now: number;
  /** Whether the user gave a function to ask for a token. */
  readonly asks: boolean;
  /** Milliseconds. */
  readonly staleAfter: number;
  /** Since when the feed is silent, if it is. */
  readonly silentSince: number | undefined;
}

/** The next phase, and what to do. */
export type Transition = readonly [phase: Phase, ...commands: Command[]];
