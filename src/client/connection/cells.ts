import type { Context, Event, EventName, EventOf, Phase, PhaseOf, Step } from "./state.ts";

/**
 * What one phase makes of each event but those that do not matter to it, each of which is named: a new event does not
 * compile until every phase has thought of it.
 */
export type Cells<Name extends Phase["name"], Ignored extends EventName> = {
  readonly [E in Exclude<EventName, Ignored>]: (phase: PhaseOf<Name>, ctx: Context, event: EventOf<E>) => Step;
};

/** Any of them. As a method, because the table that they are looked up in sees to it that phase and event fit. */
export type Cell = { cell(phase: Phase, ctx: Context, event: Event): Step }["cell"];

/** What can only be said over a link that has opened. */
export type Said = "heard" | "applied" | "fault" | "authorized" | "complaint";
