import { initialPhase, transition } from "../../../src/client/connection/machine.ts";
import type {
  CatchingUp,
  ConnectionEvent,
  Context,
  EventName,
  EventOf,
  Live,
  Opening,
  Phase,
  PhaseName,
} from "../../../src/client/connection/state.ts";

export const NOW = 1_700_000_000_000;
export const WANTED = { keys: ["A"] };
const NEXT = { keys: ["B"] };

const known = { ...initialPhase(WANTED, undefined, NOW - 60_000), reached: WANTED, triedAt: NOW - 60_000 };
export const opening: Opening = { ...known, name: "opening", due: NOW, selection: WANTED };
export const catchingUp: CatchingUp = { ...opening, name: "catchingUp" };
export const live: Live = {
  ...known,
  name: "live",
  due: NOW,
  heardAt: NOW - 20_000,
  pinged: false,
  sent: undefined,
  // Since a minute ago.
  status: { ...known.status, state: "live" },
};
/** Not live for long enough to count as good. */
export const young: Live = { ...live, status: { ...live.status, since: NOW - 4_999 } };

/** One of each phase. */
export const PHASES: { readonly [Name in PhaseName]: Phase } = {
  waiting: { ...known, name: "waiting", due: NOW, failures: 1 },
  asking: { ...known, name: "asking", due: NOW },
  opening,
  catchingUp,
  live,
  refused: { ...known, name: "refused", due: Infinity },
  closed: { ...known, name: "closed", due: Infinity },
};

const BATCH = { position: "e1:5", time: 1, cause: "update", reason: undefined, skipped: 0 } as const;

/** One of each event. */
export const EVENTS: { readonly [Name in EventName]: EventOf<Name> } = {
  due: { type: "due" },
  online: { type: "online" },
  offline: { type: "offline" },
  visible: { type: "visible" },
  woke: { type: "woke" },
  reconnect: { type: "reconnect" },
  close: { type: "close" },
  select: { type: "select", selection: NEXT },
  token: { type: "token", token: "next" },
  tokenFailed: { type: "tokenFailed", why: "no" },
  heard: { type: "heard" },
  applied: { type: "applied", changes: [], batch: BATCH, current: true },
  protocolError: { type: "protocolError", why: "a gap" },
  authorized: { type: "authorized", expires: undefined },
  selectRefused: { type: "selectRefused", why: "bad" },
  lost: { type: "lost", code: 1012, reason: "" },
  probeAnswer: { type: "probeAnswer", code: 403, reason: "no" },
};

export const context: Context = {
  now: NOW,
  random: 0.5,
  online: true,
  visible: true,
  asks: true,
  staleAfter: 5_000,
  silentSince: undefined,
};
export const withoutToken: Partial<Context> = { asks: false };

export const lost = (code: number): ConnectionEvent => ({ type: "lost", code, reason: "" });

/** The phase after an event. */
export const after = (phase: Phase, event: ConnectionEvent, more: Partial<Context> = {}): Phase =>
  transition(phase, event, { ...context, ...more })[0];

/** What the connection has to do at an event. */
export const commandsOf = (phase: Phase, event: ConnectionEvent, more: Partial<Context> = {}): unknown[] =>
  transition(phase, event, { ...context, ...more }).slice(1);
