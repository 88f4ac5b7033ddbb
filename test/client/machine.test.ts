import { isDeepStrictEqual } from "node:util";
import { describe, expect, expectTypeOf, test } from "vitest";
import { statusOf, transition } from "../../src/client/connection/machine.ts";
import type { ConnectionEvent, EventName, Phase, PhaseName } from "../../src/client/connection/state.ts";
import { context, EVENTS, PHASES } from "./support/phases.ts";

const COLUMNS = ["waiting", "asking", "opening", "catchingUp", "live", "refused", "closed"] as const;
type OneForEach<Columns extends readonly unknown[]> = { readonly [I in keyof Columns]: string };

const ASK = "asking askToken";

/** For every event, in every phase of `COLUMNS`: the next phase and the commands, or "-" if the phase ignores it. */
const TABLE: { readonly [Name in EventName]: OneForEach<typeof COLUMNS> } = {
  due: [ASK, "waiting", "waiting", "waiting", "live ping", "-", "-"],
  online: [ASK, ASK, ASK, ASK, "live ping", "-", "-"],
  offline: ["-", "-", "-", "-", "live ping", "-", "-"],
  visible: [ASK, "-", "-", "-", "live ping", "-", "-"],
  woke: [ASK, ASK, ASK, ASK, "live ping", "-", "-"],
  reconnect: [ASK, ASK, ASK, ASK, "live ping", ASK, "-"],
  close: ["closed", "closed", "closed", "closed", "closed", "closed", "-"],
  select: ["waiting", "asking", "opening", "catchingUp", "live subscribe", "refused", "-"],
  token: ["-", "opening open", "-", "-", "live authorize", "-", "-"],
  tokenFailed: ["-", "waiting", "-", "-", "live", "-", "-"],
  heard: ["-", "-", "catchingUp", "catchingUp", "live", "-", "-"],
  applied: ["-", "-", "-", "live ping selected", "-", "-", "-"],
  protocolError: ["-", "-", "-", "waiting", "waiting", "-", "-"],
  authorized: ["-", "-", "-", "-", "-", "-", "-"],
  selectRefused: ["-", "-", "-", "-", "-", "-", "-"],
  lost: ["-", "-", "waiting probe", "waiting", "waiting", "-", "-"],
  probeAnswer: ["refused", "refused", "refused", "-", "-", "-", "-"],
};

function cell(from: Phase, event: ConnectionEvent): string {
  const phase = { ...from, status: statusOf(from, context) };
  const [next, ...commands] = transition(phase, event, context);
  const names = commands.map((command) => (typeof command === "string" ? command : "refused"));
  if (isDeepStrictEqual(next, phase) && commands.length === 0) return "-";
  return [next.name, ...names].join(" ");
}

describe("in every phase", () => {
  for (const [name, event] of Object.entries(EVENTS)) {
    test(`the event ${name}`, () => {
      expect(COLUMNS.map((phase) => cell(PHASES[phase], event))).toEqual(TABLE[event.type]);
    });
  }
});

test("the table has a column for every phase", () => {
  expectTypeOf<(typeof COLUMNS)[number]>().toEqualTypeOf<PhaseName>();
});
